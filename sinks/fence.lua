-- Writes hashes that have one writer, fenced. KEYS: the hashes, all in one slot.
-- ARGV[1]: MessagePack array, for each key
-- {fence, expiry, {field, value, ...}, owner, start, gone, base, {absent, ...}, forgotten}. Owner, start and gone are false
-- except for `session:` hashes and tombstones; gone is `there` where a tombstone is needed only over something that is there,
-- and `moved` where the part is not gone, but came from a device to its user.
-- With a `base`, the fields are only those that may have changed since the write with that fence; without, they are all. An
-- empty list of fields: the row is over, nothing is kept. Forgotten: so it is whatever the fence, unless a later life or another
-- owner wrote it.
-- Answers one letter a key: w written, d deleted because forgotten, r refused (what is stored is newer), o refused for
-- good (it is another shopper's or of a later life), f the key holds a
-- foreign type, m what is stored is not the base: the row is to be sent whole.
local rows = cmsgpack.unpack(ARGV[1])
local verdicts = {}

-- Lua's own `<` on strings follows the server's locale.
local function bytewise_less(left, right)
  for i = 1, math.min(#left, #right) do
    local a, b = string.byte(left, i), string.byte(right, i)
    if a ~= b then return a < b end
  end
  return #left < #right
end

local LIFE = 14 -- width of the first part of a fence

local function life_of(fence) return string.sub(fence, 1, LIFE) end

-- A session with parts of two shoppers belongs to the part that began first. Of two that began together one is what the
-- other was before a login, and the one that moved has it, unless a later life, which may know no logins, comes after it;
-- else the one with the lesser owner.
local function owns(row, stored)
  if stored[4] then return true end
  local moved = row[6] == 'moved'
  if row[6] and not moved then return false end
  local new, old = tonumber(row[5]), tonumber(stored[3])
  if not old or new ~= old then return not old or new < old end
  local moved_before = stored[5] and stored[1] and life_of(stored[1]) >= life_of(row[1])
  if moved and not moved_before then return true end
  if moved_before and not moved then return false end
  return bytewise_less(row[4], stored[2])
end

-- Fences have fixed width and hold digits only, so any locale orders them alike. Another width is no fence of ours.
local function newer(row, fence)
  return not fence or #fence ~= #row[1] or fence <= row[1]
end

local function foreign_part(row, stored) return row[4] and stored[2] and stored[2] ~= row[4] end

local function forgets(row, stored)
  if foreign_part(row, stored) then return false end
  return not stored[1] or life_of(stored[1]) <= life_of(row[1])
end

local function admits(row, stored)
  if row[9] then return forgets(row, stored) end
  if foreign_part(row, stored) then return owns(row, stored) end
  return newer(row, stored[1])
end

-- Whether a writer of the same life has counted more records: it may have met them in another order before it crashed.
local function behind(row, stored)
  if foreign_part(row, stored) then return false end
  return life_of(stored[1]) == life_of(row[1])
end

local function write_changes(key, row)
  redis.call('HSET', key, unpack(row[3]))
  if #row[8] > 0 then redis.call('HDEL', key, unpack(row[8])) end
  redis.call('PEXPIREAT', key, row[2])
end

local function write(key, row)
  local fields = row[3]
  if #fields == 0 then
    redis.call('DEL', key)
    return
  end
  redis.call('HSET', key, unpack(fields))
  -- More fields than were sent: some became absent. Seldom, so this costs less than deleting the hash every time.
  if redis.call('HLEN', key) * 2 ~= #fields then
    redis.call('DEL', key)
    redis.call('HSET', key, unpack(fields))
  end
  redis.call('PEXPIREAT', key, row[2])
end

for i, key in ipairs(KEYS) do
  local row = rows[i]
  local stored
  if row[4] then
    stored = redis.pcall('HMGET', key, '_v', '_owner', '_start', '_gone', '_moved')
  else
    stored = redis.pcall('HGET', key, '_v')
    if type(stored) ~= 'table' then stored = {stored} end
  end
  if stored.err then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    verdicts[i] = 'f'
  elseif row[6] == 'there' and (not stored[1] or stored[4]) then
    verdicts[i] = 'w'
  elseif not admits(row, stored) then
    verdicts[i] = behind(row, stored) and 'r' or 'o'
  elseif not row[7] then
    write(key, row)
    verdicts[i] = row[9] and stored[1] and 'd' or 'w'
  elseif stored[1] ~= row[7] or foreign_part(row, stored) then
    verdicts[i] = 'm'
  else
    write_changes(key, row)
    verdicts[i] = 'w'
  end
end
return table.concat(verdicts)
