"""What Redis runs for a store, each of it atomically: Lua 5.1, with nothing that Redis 6 has not.

Numbers of Lua are doubles, which hold microseconds since 1970 exactly until the year 2255; a source version is compared
in two halves. Every key comes through ``KEYS``, as a cluster demands. A first command that writes is one that a server
out of memory refuses, so that a refused script has changed nothing.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final, NamedTuple

from . import HEAD, Swap, milliseconds

__all__ = ["FOREIGN", "LEASE", "RELEASE", "SWAP", "Script", "swap_call"]

FOREIGN: Final = b"WRONGTYPE: the key holds no string"
"""What stands for an entry that is a hash, a list or anything else that is no string: bytes that are no frame."""


class Script(NamedTuple):
    """A script: its text, and the digest by which Redis knows it."""

    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


LEASE: Final = _script("""
local granted = 1
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  if redis.pcall('GET', KEYS[1]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  else
    granted = 0
  end
end
local now = redis.call('TIME')
return {granted, now[1], now[2]}
""")
"""KEYS: lease. ARGV: token, milliseconds. Returns 1 if the token has it, seconds, microseconds."""

RELEASE: Final = _script("""
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
return 1
""")
"""KEYS: lease. ARGV: token."""

SWAP: Final = _script(f"""
local key, lease, bad, moved, good = KEYS[1], KEYS[tonumber(ARGV[1])], KEYS[tonumber(ARGV[2])],
  KEYS[tonumber(ARGV[3])], KEYS[tonumber(ARGV[4])]
local new, milliseconds, any, expected = ARGV[5], ARGV[6], ARGV[7] == '1', ARGV[8]
local leased, token, environment = ARGV[9] == '1', ARGV[10], ARGV[11]
local bad_keep, bad_milliseconds = tonumber(ARGV[12]), ARGV[13]

local function number(bytes, at, size)
  local found = 0
  for place = at + size - 1, at, -1 do found = found * 256 + bytes:byte(place) end
  return found
end

local function stamped(frame)
  return #frame >= {HEAD} and math.floor(frame:byte(4) / 64) % 2 == 1
end

local there = redis.pcall('GETRANGE', key, 0, {HEAD})
local string = type(there) ~= 'table'
if not string then
  if not there.err:find('WRONGTYPE', 1, true) then return there end
  there = '{FOREIGN.decode()}'
end
local tag = nil
if #there >= 20 and there:sub(1, 2) == '\\193\\222' then tag = there:sub(17, 20) end

local function newer()
  if not (tag and stamped(new) and stamped(there)) then return false end
  local deleted = #there == {HEAD} and there:byte(53) == 3
  if not (any or deleted) then return false end
  local high, low = number(new, 45, 4), number(new, 41, 4)
  local other = number(there, 45, 4)
  if high + low > 0 and (other > high or (other == high and number(there, 41, 4) > low)) then return true end
  local ours, theirs = number(new, 33, 8), number(there, 33, 8)
  if not any then return ours <= theirs + number(there, 49, 4) * 1000 end
  if ours >= theirs then return false end
  local now = redis.call('TIME')
  return theirs <= now[1] * 1000000 + now[2]
end

local held = lease and redis.pcall('GET', lease)
local outcome = nil
if string and there == new:sub(1, {HEAD + 1}) and redis.call('GET', key) == new then
  outcome = 'done'
elseif tag and tag ~= environment and (any or expected ~= there:sub(1, {HEAD})) then
  return 'foreign'
elseif leased and held ~= token then
  return 'lost'
elseif not any and expected ~= there:sub(1, {HEAD}) then
  return 'changed'
elseif newer() then
  return 'older'
end

if not outcome then
  if not string then
    redis.call('UNLINK', moved or key)
    if moved then
      redis.call('RENAME', key, moved)
      redis.call('PEXPIRE', moved, bad_milliseconds)
    end
  elseif bad and #there > 0 and not (any and tag) then
    local whole = redis.call('GET', key)
    local newest = redis.pcall('LINDEX', bad, 0)
    if type(newest) == 'table' then redis.call('UNLINK', bad) end
    if newest ~= whole then
      redis.call('LPUSH', bad, whole)
      redis.call('LTRIM', bad, 0, bad_keep - 1)
    end
    redis.call('PEXPIRE', bad, bad_milliseconds)
  end
  redis.call('SET', key, new, 'PX', milliseconds)
  if good then redis.call('SET', good, new, 'PX', milliseconds) end
end
if lease and (not leased or held == token) then redis.call('UNLINK', lease) end
return 'done'
""")
"""See `swap_call`. Returns the value of a `Swapped`."""


def swap_call(swap: Swap) -> tuple[list[bytes], list[bytes | int]]:
    """Return the keys and arguments of `SWAP`.

    An entry that is no string cannot go into a list: it is renamed to the key of the quarantine with ``:moved`` behind
    it, where it stays as long as the list, and the next one takes its place.

    Args:
        swap: The swap.
    """
    keys = [swap.key]
    places = []
    moved = None if swap.bad is None else swap.bad + b":moved"
    for key in (swap.lease, swap.bad, moved, swap.good):
        if key is not None:
            keys.append(key)
        places.append(0 if key is None else len(keys))
    return keys, [
        *places,
        swap.new,
        milliseconds(swap.seconds, "seconds"),
        int(swap.expected is None),
        swap.expected or b"",
        int(swap.token is not None),
        swap.token or b"",
        swap.environment,
        swap.bad_keep,
        milliseconds(swap.bad_seconds, "bad_seconds"),
    ]
