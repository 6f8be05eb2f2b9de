import { InverseFormError } from '@inverseform/errors'
import type { Connection } from '@inverseform/queue'
import { Option } from 'commander'
import type { Printer } from '../printer.js'

export type QueuePackage = typeof import('@inverseform/queue')

/** @throws InverseFormError `runtime-unavailable` where the package is not installed */
export async function loadQueue(): Promise<QueuePackage> {
  dropMemoryWarning()
  try {
    return await import('@inverseform/queue')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new InverseFormError('runtime-unavailable', 'The package @inverseform/queue is not installed.', {
      hint: 'Install it beside the command line: npm install @inverseform/queue (with -g if that is global).',
      details: { reason: message },
      cause,
    })
  }
}

/** BullMQ writes to the console what {@link noteOnMemory} says: for each of its connections, and between the events of `--log-json`. */
function dropMemoryWarning(): void {
  const { warn } = console
  console.warn = (...args) => {
    if (!`${args[0]}`.startsWith('IMPORTANT! Eviction policy')) warn(...args)
  }
}

/** Waits for a command. @throws InverseFormError `runtime-unavailable` for what Redis refuses, as a server does whose memory is full */
export async function explainingRefusals(command: Promise<void>): Promise<void> {
  await command.catch((cause) => {
    if (!(cause instanceof Error) || cause.name !== 'ReplyError') throw cause
    // A transaction only says that one of its commands was refused.
    const { previousErrors: [first = cause] = [] } = cause as { readonly previousErrors?: readonly Error[] }
    const reason = first.message.split('\n')[0].replace(/\.+$/, '')
    throw new InverseFormError('runtime-unavailable', `Redis refused a command: ${reason}.`, {
      hint: 'OOM: its memory is full, so raise maxmemory, or remove runs. MISCONF: its disk is. READONLY: it is a replica. WRONGTYPE: other programs write to its keys.',
      cause,
    })
  })
}

export async function noteOnMemory({ redis, address }: Connection, printer: Printer): Promise<void> {
  const found = await redis.info('memory').catch(() => '')
  const [, policy = 'noeviction'] = /^maxmemory_policy:(\S+)/m.exec(found) ?? []
  if (policy === 'noeviction') return
  printer.note(
    `Redis at ${address} has the maxmemory-policy ${policy}: when its memory is full, it forgets images, which are then done again. ` +
      'Set noeviction.',
  )
}

/** The option that all commands of the queue have. */
export const redisOption = (): Option =>
  new Option(
    '--redis <url>',
    'address of Redis or Valkey, such as redis://:password@host:6379 (default: the environment variable REDIS_URL)',
  )

/** @throws InverseFormError `invalid-argument` without an address */
export function redisUrl({ redis }: { readonly redis?: string }): string {
  const url = redis || process.env.REDIS_URL
  if (url) return url
  throw new InverseFormError('invalid-argument', 'No address of Redis was given.', {
    hint: 'Pass --redis redis://host:6379, or set the environment variable REDIS_URL, which keeps its password out of lists of processes.',
  })
}
