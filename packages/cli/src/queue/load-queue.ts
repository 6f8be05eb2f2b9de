import { InverseFormError } from '@inverseform/errors'
import { Option } from 'commander'

export type QueuePackage = typeof import('@inverseform/queue')

/** @throws InverseFormError `runtime-unavailable` where the package is not installed */
export async function loadQueue(): Promise<QueuePackage> {
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
