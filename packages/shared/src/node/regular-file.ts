import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { systemReason } from './system-reason.js'

export interface RegularFile {
  readonly handle: FileHandle
  /** Size in bytes when it was opened. */
  readonly size: number
}

export interface RegularFileOptions {
  /** Most bytes that the file may have. */
  readonly maxBytes?: number
  /** Name of the option that raises `maxBytes`, for the hint. */
  readonly limit?: string
}

/**
 * Opens a regular file for reading. A named pipe, a device, a socket or a folder is refused: reading them may wait
 * forever or never end.
 *
 * @throws InverseFormError `not-found`, `unreadable`, or `limit-exceeded` for a file larger than `maxBytes`
 */
export async function openRegularFile(path: string, options: RegularFileOptions = {}): Promise<RegularFile> {
  checkPath('path', path)
  let handle: FileHandle
  try {
    // Without O_NONBLOCK, opening a named pipe waits until somebody writes to it. Windows has no such flag.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw fileError(path, cause, 'opened')
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) {
      const kind = stat.isDirectory()
        ? 'a folder'
        : stat.isFIFO()
          ? 'a named pipe'
          : stat.isSocket()
            ? 'a socket'
            : 'a device'
      throw notAFile(path, kind)
    }
    checkSize(path, stat.size, options)
    return { handle, size: stat.size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Reads a whole regular file, in memory of its own.
 *
 * @throws InverseFormError as `openRegularFile`
 */
export async function readRegularFile(
  path: string,
  options: RegularFileOptions & { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { handle, size } = await openRegularFile(path, options)
  try {
    // A file may grow after it was opened, and files of /proc say size 0: read on, but never beyond the limit.
    const parts: Uint8Array[] = []
    let total = 0
    for (let wanted = size + 1; ; wanted = Math.max(2 ** 16, total)) {
      options.signal?.throwIfAborted()
      const part = new Uint8Array(Math.min(wanted, PART))
      const { bytesRead } = await handle.read(part, 0, part.byteLength, total)
      if (bytesRead === 0) break
      total += bytesRead
      checkSize(path, total, options)
      parts.push(part.subarray(0, bytesRead))
    }
    if (parts.length === 1 && parts[0].byteLength === total && parts[0].buffer.byteLength <= total + 1) {
      return parts[0] as Uint8Array<ArrayBuffer>
    }
    const whole = new Uint8Array(total)
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.byteLength
    }
    return whole
  } catch (cause) {
    if (InverseFormError.is(cause) || options.signal?.aborted) throw cause
    throw fileError(path, cause)
  } finally {
    await handle.close()
  }
}

/** Bytes that one call reads. */
const PART = 2 ** 28

/** Throws unless an argument is the path of a file: a string that is not empty and has no NUL. */
export function checkPath(name: string, path: unknown): asserts path is string {
  const valid = typeof path === 'string' && path !== '' && !path.includes('\0')
  checkArgument(name, path, valid, 'a path')
}

/** Returns the error for a file that could not be opened or read, from Node's error. */
export function fileError(
  path: string,
  cause: unknown,
  action: 'opened' | 'read' = 'read',
): InverseFormError {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EISDIR') return notAFile(path, 'a folder')
  if (code === 'ENXIO' || code === 'EOPNOTSUPP') return notAFile(path, 'a socket or a device')
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new InverseFormError('not-found', `${path} does not exist.`, {
      cause,
      hint: 'Check the path. Relative paths start at the current folder.',
      details: { path },
    })
  }
  if (code === 'EMFILE' || code === 'ENFILE') {
    const whose = code === 'EMFILE' ? 'This process' : 'The system'
    return new InverseFormError('unreadable', `${path} cannot be opened. ${whose} ran out of open files.`, {
      cause,
      hint: 'Raise the limit (ulimit -n 1024), or read fewer files at once.',
      details: { path },
    })
  }
  return new InverseFormError('unreadable', `${path} cannot be ${action}: ${systemReason(cause)}.`, {
    cause,
    hint:
      code === 'EACCES' || code === 'EPERM'
        ? 'Check the read permissions of the file and its folders.'
        : 'Check the path and the disk.',
    details: { path },
  })
}

function notAFile(path: string, kind: string): InverseFormError {
  return new InverseFormError('unreadable', `${path} is ${kind}.`, {
    hint:
      kind === 'a folder'
        ? 'Pass the path of a file.'
        : 'Pass the path of a file. To read from another program, let it write a file first.',
    details: { path },
  })
}

function checkSize(path: string, size: number, { maxBytes, limit = 'maxBytes' }: RegularFileOptions): void {
  if (maxBytes === undefined || size <= maxBytes) return
  throw new InverseFormError(
    'limit-exceeded',
    `${path} has ${size} bytes, at most ${maxBytes} are allowed.`,
    {
      hint: `Check that it is the right file. If it is, raise ${limit}.`,
      details: { path, size, maxBytes },
    },
  )
}
