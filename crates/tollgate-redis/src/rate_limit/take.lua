-- Charges a request to all its counts or to none.
-- KEYS: the counts. ARGV, 5 of each: its limit if it is not enforced, else 0; the charge; the capacity; what the caller
-- knows is owed; and the end of what is stored: flag, changes of the quota, interval:capacity. Then, if the caller would
-- like to lease: in how many parts to leave the rest of a quota, and 2 of each: the most to lease; the interval.
-- Stored: 14 digits of when nothing is owed any more, in ticks of 16 us since 2017-07-14T02:40:00Z, and that end.
-- Answers: of each what is owed then, or, where there is no room, the wait as a negative number. Then, where anything was
-- asked about leases or has been lowered: of each what was leased, -1 for what was lowered.
local call, sub, ceil, floor = redis.call, string.sub, math.ceil, math.floor
local time = call('TIME')
local us = time[2]
local now = (time[1] - 1500000000) * 62500 + (us - us % 16) / 16
local n = #KEYS

-- One count and nothing out of the ordinary: most calls, at two thirds of what the rest costs.
if n == 1 and #ARGV == 5 then
  local value, debt = call('GET', KEYS[1]), 0
  local plain = not value or sub(value, 15) == ARGV[5]
  if value and plain then
    debt = sub(value, 1, 14) - now
    if debt < 0 then debt = 0 end
  end
  if plain and ARGV[4] + 0 <= debt then
    local after = debt + ARGV[2]
    if after > ARGV[3] + 0 then return { ARGV[3] - after } end
    call('SET', KEYS[1], (now + after) .. ARGV[5], 'PX', ceil(after * 0.016) + 1)
    return { after }
  end
end

local function read(value, suffix)
  local flag, changes, interval, capacity = string.match(value, '^%d+([-l])(%d%d)(%d+):(%d+)$')
  if not flag then return 0, suffix, false, false end
  local _, mine, to_interval, to_capacity = string.match(suffix, '^(.)(%d%d)(%d+):(%d+)$')
  local debt = sub(value, 1, 14) - now
  if debt < 0 then debt = 0 end
  if interval ~= to_interval or capacity ~= to_capacity then
    if debt > capacity + 0 then
      debt = to_capacity + debt - capacity
    else
      debt = math.min(ceil(debt * to_interval / interval), to_capacity + 0)
    end
  end
  local most = mine > changes and mine or changes
  return debt, flag .. most .. to_interval .. ':' .. to_capacity, flag == 'l', mine > changes
end

local debts, suffixes, lowered, save, over = {}, {}, {}, {}, {}
local refused, any_lowered = false, false
for i = 1, n do
  local a = i * 5
  local suffix = ARGV[a]
  local value = call('GET', KEYS[i])
  local debt = 0
  if value then
    if sub(value, 15) == suffix then
      debt = sub(value, 1, 14) - now
      if debt < 0 then debt = 0 end
    else
      debt, suffix, lowered[i], save[i] = read(value, suffix)
      any_lowered = any_lowered or lowered[i]
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

local function keep(i, debt)
  local ms = ceil(debt * 0.016) + 1
  if lowered[i] then ms = math.max(ms, call('PTTL', KEYS[i])) end
  call('SET', KEYS[i], (now + debt) .. suffixes[i], 'PX', ms)
end

local answer, leases = {}, any_lowered or #ARGV > n * 5
for i = 1, n do
  local a, debt = i * 5, debts[i]
  local leased = lowered[i] and -1 or 0
  if over[i] then
    answer[i] = ARGV[a - 2] - debt - ARGV[a - 3]
    if save[i] then keep(i, debt) end
  elseif refused or over[ARGV[a - 4]] then
    answer[i] = debt
    if save[i] then keep(i, debt) end
  else
    debt = debt + ARGV[a - 3]
    if leases and leased == 0 and #ARGV > n * 5 then
      local l = n * 5 + i * 2
      local interval = ARGV[l + 1] + 0
      leased = math.min(ARGV[l] + 0, floor((ARGV[a - 2] - debt) / ARGV[n * 5 + 1]))
      leased = leased - leased % interval
      debt = debt + leased
    end
    if debt > debts[i] or save[i] then keep(i, debt) end
    answer[i] = debt
  end
  if leases then answer[n + i] = leased end
end
return answer
