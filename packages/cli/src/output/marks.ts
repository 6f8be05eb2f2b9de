import { isInverseFormError } from '@inverseform/errors'
import { crc32 } from '@inverseform/shared'
import { openRegularFile } from '@inverseform/shared/node'

/** What a picture of `predict` says about itself. */
const MARK = 'inverseform predict'
/** The mark comes within these bytes of a file. */
const FIRST_BYTES = 128

const PNG_HEADER_BYTES = 33
const [JPEG_COMMENT, JPEG_APP0] = [0xfffe, 0xffe0]

/** Puts the mark into a PNG or JPEG file, as a text or a comment that viewers ignore. */
export function marked(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const isJpeg = bytes.readUInt16BE(0) === 0xffd8
  const place = isJpeg ? endOfJpegHeader(bytes) : PNG_HEADER_BYTES
  const mark = isJpeg ? jpegComment() : pngText()
  return Buffer.concat([bytes.subarray(0, place), mark, bytes.subarray(place)])
}

/** Whether there is something at a path that does not have the mark. A picture that another program has saved has lost it. */
export async function isForeign(path: string): Promise<boolean> {
  try {
    const { handle } = await openRegularFile(path)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0)
      return !buffer.subarray(0, bytesRead).includes(MARK)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!isInverseFormError(error)) return true
    // No file has a name that is too long: writing it says so.
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    return error.code !== 'not-found' && code !== 'ENAMETOOLONG'
  }
}

/** JFIF wants its own segment to be the first. */
const endOfJpegHeader = (bytes: Buffer): number =>
  bytes.readUInt16BE(2) === JPEG_APP0 ? 4 + bytes.readUInt16BE(4) : 2

function jpegComment(): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(JPEG_COMMENT, 0)
  head.writeUInt16BE(2 + MARK.length, 2)
  return Buffer.concat([head, Buffer.from(MARK)])
}

function pngText(): Buffer {
  const content = Buffer.from(`tEXtSoftware\0${MARK}`)
  const chunk = Buffer.alloc(content.length + 8)
  chunk.writeUInt32BE(content.length - 4, 0)
  content.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(content), content.length + 4)
  return chunk
}
