-- Keeps the number of a bucket's last write, so that a Redis that lost writes is noticed by whoever wrote them.
-- KEYS: one hash for each row. ARGV[1]: MessagePack array, for each {field, known, number, whole}. `known` is the last number
-- that the writer was told is kept; `whole` the field that takes over `number` when all rows were written again.
-- Answers one letter a row: k kept, l lost: what is stored is older than what the writer knows, and stays so, so that a
-- writer that is asked again, or crashes, finds it again.
local verdicts = {}
for i, row in ipairs(cmsgpack.unpack(ARGV[1])) do
  local stored = tonumber(redis.call('HGET', KEYS[i], row[1]) or 0)
  if row[4] and redis.call('HGET', KEYS[i], row[4]) == string.format('%.0f', row[3]) then
    verdicts[i] = 'k' -- asked again
  elseif not stored or stored < row[2] then
    verdicts[i] = 'l'
  else
    if row[4] then
      redis.call('HDEL', KEYS[i], row[1])
      redis.call('HSET', KEYS[i], row[4], string.format('%.0f', row[3]))
    else
      redis.call('HSET', KEYS[i], row[1], string.format('%.0f', math.max(row[3], stored)))
    end
    verdicts[i] = 'k'
  end
end
return table.concat(verdicts)
