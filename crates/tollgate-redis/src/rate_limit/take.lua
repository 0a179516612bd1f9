-- Charges requests, each to all its counts or to none.
-- KEYS: the counts of the first request, then those of the next.
-- ARGV, of each request: how many counts it has; and, if the caller would like to lease, in how many parts to leave the rest
-- of a quota, else 0. Then 5 of each count: its limit if it is not enforced, else 0; the charge; the capacity; what the
-- caller knows is owed; and the end of what is stored: flag, interval:capacity. Then, if the caller
-- would like to lease, 2 of each count: the most to lease; the interval.
-- Stored: 14 digits of when nothing is owed any more, in ticks of 16 us since 2017-07-14T02:40:00Z, and that end.
-- Answers 2 of each count: what is owed then, or, where there is no room, the wait as a negative number; and what was leased,
-- -1 for what was lowered.
local call, sub, format, ceil, max, min = redis.call, string.sub, string.format, math.ceil, math.max, math.min
local time = call('TIME')
local us = time[2]
local now = (time[1] - 1500000000) * 62500 + (us - us % 16) / 16
local answer = {}

-- What is none of ours at a key is as good as nothing, and overwritten.
local function get(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then
    if sub(value.err, 1, 9) ~= 'WRONGTYPE' then error(value.err) end
    return false
  end
  return value
end

-- What is owed by the quota that ends in `suffix`, the end to store it with, whether it was lowered, and whether it has to be
-- stored whatever is decided: more than twice a quota cannot be owed, and this server's clock went back.
local function read(value, suffix)
  local flag, interval, capacity = string.match(value, '^%d+([-l])(%d+):(%d+)$')
  if not flag then return 0, suffix, false, false end
  local debt = max(sub(value, 1, 14) - now, 0)
  local far = debt > 2 * capacity
  if far then debt = 2 * capacity end
  local to_interval, to_capacity = string.match(suffix, '^.(%d+):(%d+)$')
  if interval ~= to_interval or capacity ~= to_capacity then
    if debt > capacity + 0 then
      debt = to_capacity + debt - capacity
    else
      debt = min(ceil(debt * to_interval / interval), to_capacity + 0)
    end
  end
  return debt, flag .. sub(suffix, 2), flag == 'l', far
end

local function take(k, a, n, parts)
  local debts, suffixes, lowered, save, over = {}, {}, {}, {}, {}
  local refused = false
  for i = 1, n do
    local a = a + i * 5
    local suffix = ARGV[a]
    local value = get(KEYS[k + i])
    local debt = 0
    if value then
      local plain = sub(value, 15) == suffix
      if plain then debt = max(sub(value, 1, 14) - now, 0) end
      if not plain or debt > ARGV[a - 2] + 0 then
        debt, suffix, lowered[i], save[i] = read(value, suffix)
      end
    end
    local known = ARGV[a - 1] + 0
    if known > debt and not lowered[i] then
      debt = known
      save[i] = true
    end
    debts[i], suffixes[i] = debt, suffix
    if debt + ARGV[a - 3] > ARGV[a - 2] + 0 then
      local group = ARGV[a - 4]
      if group == '0' then refused = true else over[group] = true end
      over[i] = true
    end
  end

  for i = 1, n do
    local b, debt = a + i * 5, debts[i]
    local owed, leased, keep = debt, 0, save[i]
    if over[i] then
      owed = ARGV[b - 2] - debt - ARGV[b - 3]
    elseif not refused and not over[ARGV[b - 4]] then
      debt = debt + ARGV[b - 3]
      if parts ~= '0' and not lowered[i] then
        local l = a + n * 5 + i * 2
        leased = min(ARGV[l - 1] + 0, math.floor((ARGV[b - 2] - debt) / parts))
        leased = leased - leased % ARGV[l]
        debt = debt + leased
      end
      owed, keep = debt, keep or debt > debts[i]
    end
    if keep then
      local ms = debt * 0.016 + 2
      if lowered[i] then ms = max(ms, call('PTTL', KEYS[k + i])) end
      call('SET', KEYS[k + i], format('%d%s', now + debt, suffixes[i]), 'PX', format('%d', ms))
    end
    answer[2 * (k + i) - 1] = owed
    answer[2 * (k + i)] = lowered[i] and -1 or leased
  end
end

-- One count and nothing out of the ordinary: most requests, at two thirds of what the rest costs.
local function is_taken_at_once(k, a)
  local suffix, value, debt = ARGV[a + 5], get(KEYS[k + 1]), 0
  if value then
    if sub(value, 15) ~= suffix then return false end
    debt = sub(value, 1, 14) - now
    if debt < 0 then debt = 0 end
  end
  if ARGV[a + 4] + 0 > debt then return false end
  local after = debt + ARGV[a + 2]
  local capacity = ARGV[a + 3] + 0
  if after > capacity then
    if debt > capacity then return false end
    answer[2 * k + 1] = capacity - after
  else
    -- As integers: what is a number for Lua, the server writes in a way that takes it longer.
    call('SET', KEYS[k + 1], format('%d%s', now + after, suffix), 'PX', format('%d', after * 0.016 + 2))
    answer[2 * k + 1] = after
  end
  answer[2 * k + 2] = 0
  return true
end

local k, a = 0, 0
while k < #KEYS do
  local n, parts = ARGV[a + 1], ARGV[a + 2]
  a = a + 2
  if n ~= '1' or parts ~= '0' or not is_taken_at_once(k, a) then take(k, a, n + 0, parts) end
  k = k + n
  a = a + n * (parts == '0' and 5 or 7)
end
return answer
