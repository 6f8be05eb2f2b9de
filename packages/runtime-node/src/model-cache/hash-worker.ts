/** The thread that hashes a file. It imports nothing but Node, so that it starts fast. */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'

export interface HashRequest {
  readonly path: string
  /** SHA-256 tells files apart that others have made; CRC-32 finds damage, three times as fast. */
  readonly algorithm: 'sha256' | 'crc32'
}

export interface FileHash {
  readonly bytes: number
  /** In lower-case hexadecimal. */
  readonly hash: string
}

parentPort?.postMessage(hashOf(workerData as HashRequest))

function hashOf({ path, algorithm }: HashRequest): FileHash {
  // A named pipe would block without the flag, which Windows does not have.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is not a file.`)
    const part = Buffer.alloc(2 ** 20)
    const sha256 = createHash('sha256')
    let [bytes, crc] = [0, 0]
    for (;;) {
      const count = readSync(file, part, 0, part.byteLength, null)
      if (count === 0) break
      bytes += count
      const read = part.subarray(0, count)
      if (algorithm === 'sha256') sha256.update(read)
      else crc = crc32(read, crc)
    }
    return { bytes, hash: algorithm === 'sha256' ? sha256.digest('hex') : crc.toString(16).padStart(8, '0') }
  } finally {
    closeSync(file)
  }
}
