-- Writes sorted sets that have one writer, each whole, fenced. KEYS: the sorted sets, all in one slot. The fence
-- of each lies beside it, in a string `<key>:fence` that lives as long; in a cluster their hash tag is the same.
-- ARGV[1]: MessagePack array, for each key {fence, expiry, {score, member, ...}, forgotten}. Without members
-- nothing but the fence is kept; forgotten: nothing at all, whatever the fence, unless a later life wrote it.
-- Answers one letter a key: w written, d deleted because forgotten, r refused (what is stored is newer),
-- o refused for good (it is of a later life), f the key holds a foreign type.
local rows = cmsgpack.unpack(ARGV[1])
local verdicts = {}
local LIFE = 14 -- width of the first part of a fence

local function life_of(fence) return string.sub(fence, 1, LIFE) end

-- Fences have fixed width and hold digits only, so any locale orders them alike. Another width is no fence of ours.
local function verdict_of(row, stored)
  if not stored or #stored ~= #row[1] then return 'w' end
  if row[4] then return life_of(stored) <= life_of(row[1]) and 'd' or 'o' end
  if stored <= row[1] then return 'w' end
  return life_of(stored) == life_of(row[1]) and 'r' or 'o'
end

local function write(key, fence, row)
  redis.call('DEL', key)
  if row[4] then
    redis.call('DEL', fence)
    return
  end
  if #row[3] > 0 then
    redis.call('ZADD', key, unpack(row[3]))
    redis.call('PEXPIREAT', key, row[2])
  end
  redis.call('SET', fence, row[1])
  redis.call('PEXPIREAT', fence, row[2])
end

for i, key in ipairs(KEYS) do
  local row, fence = rows[i], key .. ':fence'
  local kind = redis.call('TYPE', key).ok
  local stored = redis.pcall('GET', fence)
  if type(stored) == 'table' and stored.err and not string.find(stored.err, 'WRONGTYPE', 1, true) then
    return stored
  end
  if (kind ~= 'zset' and kind ~= 'none') or type(stored) == 'table' then
    verdicts[i] = 'f'
  else
    verdicts[i] = verdict_of(row, stored)
    if verdicts[i] == 'w' or verdicts[i] == 'd' then write(key, fence, row) end
  end
end
return table.concat(verdicts)
