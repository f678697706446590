-- Copies what hashes hold to the string keys of the Live Shopper job. KEYS: for each hash itself, then its strings in the
-- order of their table, all in one slot. ARGV[1]: MessagePack array, for each hash the name of its table.
-- A string whose fields the hash does not hold is deleted; where there is no hash (it expired, is a tombstone, points to
-- a user, was forgotten, or the key is somebody else's) all of them are. They expire with the hash.
-- Answers `c` for each hash.
-- The tables are filled in when the module is loaded: for each name its fields, `_until` first, and for each string its
-- form and the places of its fields.
local TABLES = cmsgpack.unpack('@TABLES@')
-- Classes of operating systems, by which that job tells devices.
local CLASSES = {desktop = 'Desktop', phone = 'Mobile', tablet = 'Mobile', watch = 'Mobile'}

local FORMS = {}

function FORMS.text(text) return text end

function FORMS.flag(text) return text == '1' and 'true' or 'false' end

function FORMS.range(least, greatest) return least .. '-' .. greatest end

function FORMS.devices(text)
  local found, known = {}, {}
  for device in string.gmatch(text, '%a+') do
    local class = CLASSES[device] or 'Unknown'
    if not known[class] then
      known[class] = true
      found[#found + 1] = class
    end
  end
  return '[' .. table.concat(found, ', ') .. ']'
end

local names = cmsgpack.unpack(ARGV[1])
local verdicts = {}
local at = 0
for i, name in ipairs(names) do
  local fields, forms = TABLES[name][1], TABLES[name][2]
  local stored = redis.pcall('HMGET', KEYS[at + 1], unpack(fields))
  if stored.err then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = {}
  end
  local gone = {}
  for j, form in ipairs(forms) do
    local key = KEYS[at + 1 + j]
    local first, second = stored[form[2]], not form[3] or stored[form[3]]
    if stored[1] and first and second then
      redis.call('SET', key, FORMS[form[1]](first, second), 'PXAT', stored[1])
    else
      gone[#gone + 1] = key
    end
  end
  if #gone > 0 then redis.call('DEL', unpack(gone)) end
  at = at + 1 + #forms
  verdicts[i] = 'c'
end
return table.concat(verdicts)
