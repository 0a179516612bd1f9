-- Changes what is owed by a count, whatever is left of its quota.
-- KEYS[1]: the count. ARGV: 1 to forget what is owed, else 0; what to add; up to how much; what to take back then; what the
-- caller knows was owed before; the end of what is stored, as in `take`; and what little may be left of what is taken back,
-- which the caller measured from before its request was on its way.
-- Answers what is owed then.
local call, sub, ceil = redis.call, string.sub, math.ceil
local time = call('TIME')
local us = time[2]
local now = (time[1] - 1500000000) * 62500 + (us - us % 16) / 16
-- What is none of ours is as good as nothing.
local value = call('MGET', KEYS[1])[1]
local debt, flag, suffix = 0, '-', sub(ARGV[6], 2)
local before = 0
if value then
  local till, own, interval, capacity = string.match(value, '^(%d+)([-l])([1-9]%d*):([1-9]%d*)$')
  if till then
    flag = own
    debt = math.min(math.max(till - now, 0), 2 * capacity)
    before = call('PTTL', KEYS[1])
    local to_interval, to_capacity = string.match(suffix, '^(%d+):(%d+)$')
    if interval ~= to_interval or capacity ~= to_capacity then
      if debt > capacity + 0 then
        debt = to_capacity + debt - capacity
      else
        debt = math.min(ceil(debt * to_interval / interval), to_capacity + 0)
      end
    end
  end
end
if ARGV[1] == '1' then
  debt = 0
  flag = 'l'
elseif flag == '-' and ARGV[5] + 0 > debt then
  debt = ARGV[5] + 0
end
debt = math.max(debt, math.min(debt + ARGV[2], ARGV[3] + 0))
if ARGV[4] + 0 > 0 then
  -- What others know is more now than what is owed, and may not be taken for what got lost here.
  debt = math.max(debt - ARGV[4], 0)
  if debt < ARGV[7] + 0 then debt = 0 end
  flag = 'l'
end
if debt > 0 or before > 0 then
  call('SET', KEYS[1], (now + debt) .. flag .. suffix, 'PX', math.max(ceil(debt * 0.016) + 1, before))
end
return debt
