import { InverseFormError } from '@inverseform/errors'
import { Redis } from 'ioredis'

export interface ConnectOptions {
  /** Called with what a user may want to know, as a sentence: Redis went away, or came back. */
  readonly onNote?: (note: string) => void
  /** Milliseconds to wait for the first answer; 5000 by default. Later outages are waited for as long as they last. */
  readonly timeout?: number
}

/** A connection to Redis or Valkey, which is restored whenever it breaks. */
export interface Connection extends AsyncDisposable {
  readonly redis: Redis
  /** Host, port and database, without a password. */
  readonly address: string
}

/** The longest pause between two tries, in milliseconds. */
const MOST_PAUSE = 5000

/**
 * Connects to Redis or Valkey. A connection that breaks later is restored, and commands wait for it.
 *
 * @param url such as `redis://:password@host:6379/0`, or `rediss://` for TLS
 * @throws InverseFormError `invalid-argument` for what is no such URL; `runtime-unavailable` if nothing answers in time, or the
 *   password or the database is refused
 */
export async function connect(
  url: string,
  { onNote, timeout = 5000 }: ConnectOptions = {},
): Promise<Connection> {
  const address = addressOf(url)
  const redis = new Redis(url, {
    lazyConnect: true,
    // Commands wait until the connection is back.
    maxRetriesPerRequest: null,
    connectTimeout: timeout,
    retryStrategy: (tries) => Math.min(100 * 2 ** tries, MOST_PAUSE),
  })
  if (!Number.isSafeInteger(redis.options.db)) {
    throw new InverseFormError(
      'invalid-argument',
      `The database in the address of Redis is not a number: ${address}.`,
      { hint: 'Pass a URL such as redis://host:6379/0, or leave the database out.', details: { address } },
    )
  }
  // BullMQ waits for jobs on connections of its own, which would keep the process alive.
  const copies = new Set<Redis>()
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (options) => {
    const copy = duplicate(options)
    copies.add(copy)
    copy.once('end', () => copies.delete(copy))
    return copy
  }
  let reason = 'nothing answers'
  let isAway = false
  let isConnected = false
  redis.on('error', (error: Error) => {
    reason = reasonOf(error)
    if (isConnected && !isAway) onNote?.(`Redis at ${address} cannot be reached: ${reason}. Trying again.`)
    isAway = true
  })
  redis.on('close', () => {
    if (isConnected && !isAway && redis.status !== 'end') {
      onNote?.(`The connection to Redis at ${address} broke. Trying again.`)
      isAway = true
    }
  })
  redis.on('ready', () => {
    if (isConnected && isAway) onNote?.(`Redis at ${address} answers again.`)
    isAway = false
  })
  const timer = new AbortController()
  try {
    await new Promise<void>((resolve, reject) => {
      const timeoutId = setTimeout(() => reject(new Error(reason)), timeout)
      timer.signal.addEventListener('abort', () => clearTimeout(timeoutId))
      redis.on('error', (error: Error) => {
        if (isRefusal(error)) reject(error)
      })
      redis.connect().catch(() => {})
      redis.once('ready', resolve)
    })
  } catch (error) {
    redis.disconnect()
    throw unavailable(address, error as Error)
  } finally {
    timer.abort()
  }
  isConnected = true
  return {
    redis,
    address,
    async [Symbol.asyncDispose]() {
      isConnected = false
      for (const each of [redis, ...copies]) each.disconnect()
    },
  }
}

/** Milliseconds since 1970, by the clock of Redis, which all share. */
export const timeOf = async ({ redis }: Connection): Promise<number> => Number((await redis.time())[0]) * 1000

/** Returns the part of a Redis URL that may be shown: host, port and database. */
export function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new InverseFormError(
      'invalid-argument',
      'The address of Redis is not a redis:// or rediss:// URL.',
      {
        hint: 'Pass a URL such as redis://host:6379, or rediss://user:password@host:6380 for TLS.',
      },
    )
  }
  const { hostname, port, pathname } = parsed
  try {
    decodeURIComponent(parsed.username + parsed.password)
  } catch {
    throw new InverseFormError(
      'invalid-argument',
      `The name or password in the address of Redis has a % that is no escape: ${hostname}.`,
      { hint: 'Write %25 for a % in them.' },
    )
  }
  return `${hostname}:${port || '6379'}${pathname.length > 1 ? pathname : ''}`
}

/** Whether Redis answered, but will not let us in. */
const isRefusal = ({ message }: Error): boolean =>
  /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid DB|ERR DB index)/.test(message)

function unavailable(address: string, cause: Error): InverseFormError {
  return isRefusal(cause)
    ? new InverseFormError(
        'runtime-unavailable',
        `Redis at ${address} refuses the connection: ${reasonOf(cause)}.`,
        {
          hint: 'Put name, password and database into the URL: redis://name:password@host:6379/0.',
          details: { address },
        },
      )
    : new InverseFormError(
        'runtime-unavailable',
        `Redis at ${address} cannot be reached: ${reasonOf(cause)}.`,
        {
          hint: 'Start Redis or Valkey there (redis-server), or check host, port, TLS (rediss://) and firewall.',
          details: { address },
        },
      )
}

/** What commands of Redis say may have their arguments; only the first line is shown. */
function reasonOf(error: Error): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection is refused',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'there is no such host, or no network',
    ECONNRESET: 'the connection broke',
    EPIPE: 'the connection broke',
    ETIMEDOUT: 'nothing answers',
    EHOSTUNREACH: 'there is no way to this host',
    ENETUNREACH: 'there is no way to this host',
  }
  // What Redis says is for programmers: `NOAUTH HELLO must be called with the client already authenticated, otherwise …`
  if (message.startsWith('NOAUTH')) return 'it wants a password'
  if (message.startsWith('WRONGPASS')) return 'the name or the password is wrong'
  return known[code ?? ''] ?? message.split('\n')[0].replace(/\.+$/, '')
}
