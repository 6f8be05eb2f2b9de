import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { readRegularFile, whileWriting, writeWholeFile } from '@inverseform/shared/node'

/** What a server said about the file that a partial file is the start of. */
export interface Announced {
  readonly url: string
  /** Size of the whole file; undefined if the server does not tell. */
  readonly bytes?: number
  readonly etag?: string
  readonly lastModified?: string
}

/** The most bytes of a small JSON file. */
export const MAX_RECORD_BYTES = 2 ** 16

/** The paths of the start of a file and of what the server said about it. */
export const partialPaths = (path: string) => [`${path}.part`, `${path}.part.json`] as const

/** The start of a file, which stays on disk from one try to the next. {@link PartialFile.open} opens it. */
export class PartialFile implements AsyncDisposable {
  readonly path: string
  /** Where the whole file is. */
  readonly url: string
  readonly #recordPath: string
  readonly #handle: FileHandle
  #size = 0
  #announced: Announced | undefined

  constructor(path: string, url: string, handle: FileHandle) {
    this.url = url
    ;[this.path, this.#recordPath] = partialPaths(path)
    this.#handle = handle
  }

  /** Opens what there is of a file, or else an empty file. @throws InverseFormError `write-failed` */
  static async open(path: string, url: string): Promise<PartialFile> {
    const [partial] = partialPaths(path)
    const handle = await whileWriting(partial, open(partial, constants.O_RDWR | constants.O_CREAT))
    const file = new PartialFile(path, url, handle)
    const announced = await readAnnounced(file.#recordPath)
    const { size } = await handle.stat()
    if (announced?.url === url && size <= (announced.bytes ?? 0)) {
      file.#announced = announced
      file.#size = size
    } else {
      await file.restart()
    }
    return file
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  get announced(): Announced | undefined {
    return this.#announced
  }

  /** Empties the file. */
  async restart(announced?: Announced): Promise<void> {
    await whileWriting(this.path, this.#handle.truncate(0))
    this.#size = 0
    this.#announced = announced
    if (announced) await writeWholeFile(this.#recordPath, `${JSON.stringify(announced, null, 2)}\n`)
    else await rm(this.#recordPath, { force: true })
  }

  /** Writes bytes at a position, and compares those that are there already. Returns false if they differ. */
  async write(bytes: Uint8Array, at: number): Promise<boolean> {
    const known = Math.max(0, Math.min(this.#size - at, bytes.byteLength))
    if (known > 0) {
      const before = Buffer.allocUnsafe(known)
      await this.#handle.read(before, 0, known, at)
      if (!before.equals(bytes.subarray(0, known))) return false
    }
    for (let done = known; done < bytes.byteLength; ) {
      const write = this.#handle.write(bytes, done, bytes.byteLength - done, at + done)
      done += (await whileWriting(this.path, write)).bytesWritten
    }
    this.#size = Math.max(this.#size, at + bytes.byteLength)
    return true
  }

  /** Makes sure that the bytes are on the disk. */
  sync(): Promise<void> {
    return whileWriting(this.path, this.#handle.sync())
  }

  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]()
    await Promise.all([rm(this.path, { force: true }), rm(this.#recordPath, { force: true })])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }
}

async function readAnnounced(path: string): Promise<Announced | undefined> {
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_RECORD_BYTES })
    const { url, bytes: size, etag, lastModified } = JSON.parse(new TextDecoder().decode(bytes))
    const valid = typeof url === 'string' && (size === undefined || Number.isSafeInteger(size))
    return valid ? { url, bytes: size, etag: text(etag), lastModified: text(lastModified) } : undefined
  } catch {
    return undefined
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
