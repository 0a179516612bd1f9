-- Charges requests, each to all its counts or to none.
-- KEYS: the counts of the first request, then those of the next.
-- ARGV[1], of each request, one behind the other, little-endian: how many counts it has; and, if the caller would like to
-- lease, in how many parts to leave the rest of a quota, else 0 (two bytes each). Then of each count: its limit if it is not
-- enforced, else 0 (a byte); the charge; the capacity; what the caller knows is owed (doubles); and the end of what is stored:
-- flag, interval:capacity (a byte of length, and so many). Then, if the caller would like to lease, of each count: the most to
-- lease; the interval (doubles).
-- Stored: 14 digits of when nothing is owed any more, in ticks of 16 us since 2017-07-14T02:40:00Z, and that end.
-- Answers 2 of each count: what is owed then, or, where there is no room, the wait as a negative number; and what was leased,
-- -1 for what was lowered.
local call, sub, format, ceil, max, min = redis.call, string.sub, string.format, math.ceil, math.max, math.min
local read = struct.unpack
local time = call('TIME')
local us = time[2]
local now = (time[1] - 1500000000) * 62500 + (us - us % 16) / 16
local args = ARGV[1]
-- What is none of ours at a key is as good as nothing, and overwritten.
local stored, written = call('MGET', unpack(KEYS)), {}
local answer = {}

local function store(key, debt, ending, ms)
  local value = format('%d%s', now + debt, ending)
  written[key] = value
  -- As an integer: what is a number for Lua, the server writes in a way that takes it longer.
  call('SET', key, value, 'PX', format('%d', ms))
end

-- Of what is stored by the same quota, what is owed still. (There are strings that are a number, and none.)
local function left(value)
  local debt = (tonumber(sub(value, 1, 14)) or 0) - now
  return debt > 0 and debt or 0
end

-- What is owed by the quota that ends in `ending`, the end to store it with, whether it was lowered, and whether it has to be
-- stored whatever is decided: more than twice a quota cannot be owed, and this server's clock went back.
local function owed(value, ending)
  local till, flag, interval, capacity = string.match(value, '^(%d+)([-l])([1-9]%d*):([1-9]%d*)$')
  if not till then return 0, ending, false, false end
  local debt = max(till - now, 0)
  local far = debt > 2 * capacity
  if far then debt = 2 * capacity end
  local to_interval, to_capacity = string.match(ending, '^.(%d+):(%d+)$')
  if interval ~= to_interval or capacity ~= to_capacity then
    if debt > capacity + 0 then
      debt = to_capacity + debt - capacity
    else
      debt = min(ceil(debt * to_interval / interval), to_capacity + 0)
    end
  end
  return debt, flag .. sub(ending, 2), flag == 'l', far
end

local function take(k, at, n, parts)
  local groups, charges, rooms, debts, endings, lowered, save, over = {}, {}, {}, {}, {}, {}, {}, {}
  local refused = false
  for i = 1, n do
    local group, charge, capacity, known, ending
    group, charge, capacity, known, ending, at = read('<BdddBc0', args, at)
    local value = written[KEYS[k + i]] or stored[k + i]
    local debt = 0
    if value then
      local plain = sub(value, 15) == ending
      if plain then debt = left(value) end
      if not plain or debt > capacity then
        debt, ending, lowered[i], save[i] = owed(value, ending)
      end
    end
    if known > debt and not lowered[i] then
      debt = known
      save[i] = true
    end
    groups[i], charges[i], rooms[i], debts[i], endings[i] = group, charge, capacity - debt - charge, debt, ending
    if rooms[i] < 0 then
      if group == 0 then refused = true else over[group] = true end
    end
  end

  for i = 1, n do
    local most, interval
    if parts > 0 then most, interval, at = read('<dd', args, at) end
    local key, debt = KEYS[k + i], debts[i]
    local said, leased, keep = debt, 0, save[i]
    if rooms[i] < 0 then
      said = rooms[i]
    elseif not refused and not over[groups[i]] then
      debt = debt + charges[i]
      if parts > 0 and not lowered[i] then
        leased = min(most, math.floor(rooms[i] / parts))
        leased = leased - leased % interval
        debt = debt + leased
      end
      said, keep = debt, keep or debt > debts[i]
    end
    if keep then
      local ms = debt * 0.016 + 2
      if lowered[i] then ms = max(ms, call('PTTL', key)) end
      store(key, debt, endings[i], ms)
    end
    answer[2 * (k + i) - 1] = said
    answer[2 * (k + i)] = lowered[i] and -1 or leased
  end
  return at
end

-- One count and nothing out of the ordinary: most requests, at half of what the rest costs.
local function is_taken_at_once(k, charge, capacity, known, ending)
  local key = KEYS[k + 1]
  local value, debt = written[key] or stored[k + 1], 0
  if value then
    if sub(value, 15) ~= ending then return false end
    debt = left(value)
  end
  if known > debt then return false end
  local after = debt + charge
  if after > capacity then
    if debt > capacity then return false end
    answer[2 * k + 1] = capacity - after
  else
    store(key, after, ending, after * 0.016 + 2)
    answer[2 * k + 1] = after
  end
  answer[2 * k + 2] = 0
  return true
end

local k, at = 0, 1
while k < #KEYS do
  local n, parts, _, charge, capacity, known, ending, after = read('<HHBdddBc0', args, at)
  if n == 1 and parts == 0 and is_taken_at_once(k, charge, capacity, known, ending) then
    at = after
  else
    at = take(k, at + 4, n, parts)
  end
  k = k + n
end
return answer
