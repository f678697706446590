-- Writes one branch's fields of hashes that several branches share, fenced for each branch.
-- KEYS: hashes of one shopper. ARGV[1]: MessagePack array, for each key
-- {fence, expiry, next, at, capped or false, {field, value, ...}, {absent field, ...}, forgotten, user}; a row with
-- expiry <= at says that the branch has nothing left in this window: its zeros are written, but no hash is made for them.
-- Forgotten: so it is whatever the branch's own fence. User: the row has no fields and points there.
-- While one branch says that the hash points, it holds no fields of any: rows of a branch that has not come as far are
-- refused. So the order in which branches come to the login does not matter.
-- Answers one letter a key: w written, d deleted because the last branch forgot it, r refused, f the key holds a foreign
-- type.
-- The two tables below are filled in when the sink is made. META: `_v`, this branch's fence, `_same_as`, then five fields
-- for each other branch: `_v:`, `_until:`, `_next:`, `_capped:` and its first zero. ZEROS: their zeros as MessagePack lists.
local META = {'@META@'}
local ZEROS = {'@ZEROS@'}
local HEAD = 3 -- fields before those of the first other branch
local WIDTH = 5 -- fields of another branch in META
local LIFE = 14 -- width of the first part of a fence, the life, and of the last, the time

local rows = cmsgpack.unpack(ARGV[1])
local verdicts = {}

local function as_of(fence) return tonumber(string.sub(fence, -LIFE)) end
local function seen_of(fence) return tonumber(string.sub(fence, LIFE + 2, -LIFE - 2)) end

-- A branch lives in the window until it says itself that nothing is left: one that has stopped leaves its `_next` in the
-- past, and who reads sees that the row is stale.
local function living(till, fence) return tonumber(till) > as_of(fence) end

-- What all branches say together: greatest fence, expiry, at and seen, least next. Zeros go to those not heard of yet.
local function together(row, stored, fields)
  local all = {v = row[1], seen = seen_of(row[1]), at = as_of(row[1]), capped = false}
  local function count(fence, till, next_change, capped)
    if fence > all.v then all.v = fence end
    all.at = math.max(all.at, as_of(fence))
    all.seen = math.max(all.seen, seen_of(fence))
    if living(till, fence) then
      if not all.till or tonumber(till) > tonumber(all.till) then all.till = till end
      if not all.next or tonumber(next_change) < tonumber(all.next) then all.next = next_change end
      all.capped = all.capped or capped
    end
  end
  count(row[1], row[2], row[3], row[5])
  for i = 1, #ZEROS do
    local from = HEAD + (i - 1) * WIDTH
    if stored[from + 1] then
      count(stored[from + 1], stored[from + 2], stored[from + 3], stored[from + 4])
    elseif not stored[from + 5] then
      for _, text in ipairs(cmsgpack.unpack(ZEROS[i])) do fields[#fields + 1] = text end
    end
  end
  return all
end

local function write(key, row, stored)
  local fields, absent = row[6], row[7]
  local all = together(row, stored, fields)
  if not all.till then
    redis.call('DEL', key)
    return row[8] and 'd' or 'w'
  end
  for _, text in ipairs({'_v', all.v, '_at', string.format('%.0f', all.at), '_next', all.next, '_until', all.till,
                         '_seen', string.format('%.0f', all.seen)}) do
    fields[#fields + 1] = text
  end
  if all.capped then
    fields[#fields + 1], fields[#fields + 2] = '_capped', '1'
  else
    absent[#absent + 1] = '_capped'
  end
  redis.call('HSET', key, unpack(fields))
  if #absent > 0 then
    redis.call('HDEL', key, unpack(absent))
  end
  redis.call('PEXPIREAT', key, all.till)
  return 'w'
end

-- Every branch that says the hash points, this one by its row: {its name, fence, expiry, next, user}.
local function pointing(key, row, stored)
  local found = {}
  if row[9] then found[1] = {string.sub(META[2], 3), row[1], row[2], row[3], row[9]} end
  for i = 1, stored[3] and #ZEROS or 0 do
    local from = HEAD + (i - 1) * WIDTH
    local name = string.sub(META[from + 1], 3)
    local user = stored[from + 1] and redis.call('HGET', key, '_same_as' .. name)
    if user then found[#found + 1] = {name, stored[from + 1], stored[from + 2], stored[from + 3], user} end
  end
  return found
end

-- Where branches were told of different users, the latest word counts.
local function later(one, other)
  local left, right = as_of(one[2]), as_of(other[2])
  if left ~= right then return left > right end
  return one[5] > other[5]
end

-- Fences and times of all that was there count on, so that none of them goes back.
local function point(key, found, stored)
  local last, all = found[1], {v = stored[1] or '', at = 0}
  local fields = {}
  for i = 1, #ZEROS do
    local fence = stored[HEAD + 1 + (i - 1) * WIDTH]
    if fence then all.at = math.max(all.at, as_of(fence)) end
  end
  for _, each in ipairs(found) do
    local name, fence, till, next_change, user = unpack(each)
    if later(each, last) then last = each end
    if fence > all.v then all.v = fence end
    all.at = math.max(all.at, as_of(fence))
    if not all.till or tonumber(till) > tonumber(all.till) then all.till = till end
    if not all.next or tonumber(next_change) < tonumber(all.next) then all.next = next_change end
    for _, text in ipairs({'_v' .. name, fence, '_until' .. name, till, '_next' .. name, next_change,
                           '_same_as' .. name, user}) do
      fields[#fields + 1] = text
    end
  end
  redis.call('DEL', key)
  redis.call('HSET', key, '_v', all.v, '_at', string.format('%.0f', math.max(all.at, as_of(all.v))), '_next', all.next,
             '_until', all.till, '_seen', string.format('%.0f', seen_of(all.v)), '_same_as', last[5], unpack(fields))
  redis.call('PEXPIREAT', key, all.till)
end

-- Fields of an earlier life, or of a job that wrote all branches at once, are not this hash's any more.
local function foreign(stored, life)
  if not stored[1] then return false end
  if string.sub(stored[1], 1, LIFE) ~= life then return true end
  if stored[2] then return false end
  for i = 1, #ZEROS do
    if stored[HEAD + 1 + (i - 1) * WIDTH] then return false end
  end
  return true
end

for i, key in ipairs(KEYS) do
  local row = rows[i]
  local stored = redis.pcall('HMGET', key, unpack(META))
  if stored.err then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    verdicts[i] = 'f'
  elseif (stored[1] and string.sub(stored[1], 1, LIFE) > string.sub(row[1], 1, LIFE))
      or (stored[2] and stored[2] > row[1] and not row[8]) then
    verdicts[i] = string.sub(stored[1] or stored[2], 1, LIFE) == string.sub(row[1], 1, LIFE) and 'r' or 'o'
  else
    verdicts[i] = 'w'
    if foreign(stored, string.sub(row[1], 1, LIFE)) then
      redis.call('DEL', key)
      if row[8] then verdicts[i] = 'd' end
      for j = 1, #META do stored[j] = false end
    end
    local found = (row[9] or stored[3]) and pointing(key, row, stored) or {}
    if #found > 0 and not row[9] and living(row[2], row[1]) then
      verdicts[i] = 'r'
    elseif #found > 0 then
      point(key, found, stored)
    elseif stored[3] then
      -- It pointed by this branch's word alone, which is taken back.
      redis.call('DEL', key)
      if row[8] then verdicts[i] = 'd' end
      for j = 1, #META do stored[j] = false end
      if living(row[2], row[1]) then verdicts[i] = write(key, row, stored) end
    elseif stored[1] or living(row[2], row[1]) then verdicts[i] = write(key, row, stored) end
  end
end
return table.concat(verdicts)
