import type { ByteSource } from '../../io/source.js'
import { readUint64 } from '../decode.js'
import type { CheckpointFile } from '../file.js'

/** Thrown when the window ends within an instruction. The caller refills the window and decodes it again. */
export const needMore = Symbol('need more')

const FIRST_WINDOW = 2 ** 16
const LARGEST_WINDOW = 2 ** 20
/** Lines hold the names of Python modules and classes. */
const LONGEST_LINE = 1024

/**
 * Reads forward through a source, synchronously within a window of bytes. Only a pickle's last instruction shows where
 * it ends; small windows avoid reading the tensors behind it.
 */
export class ByteCursor {
  #window: Uint8Array = new Uint8Array(0)
  #view = new DataView(this.#window.buffer)
  /** Where the window starts in the source. */
  #start: number
  #at = 0
  /** Where the missing bytes end in the source. */
  #wantedEnd = 0
  #windowSize = FIRST_WINDOW

  readonly file: CheckpointFile
  readonly source: ByteSource
  /** What is being read, for error messages, such as `data.pkl`. */
  readonly what: string

  constructor(file: CheckpointFile, source: ByteSource, what: string, start = 0) {
    this.file = file
    this.source = source
    this.what = what
    this.#start = start
  }

  /** The next byte's offset in the source. */
  get position(): number {
    return this.#start + this.#at
  }

  /** Goes back to a position within the window. */
  rewind(position: number): void {
    this.#at = position - this.#start
  }

  /** Moves the window to the current position and includes the missing bytes. */
  async refill(): Promise<void> {
    this.#start = this.position
    this.#at = 0
    const end = Math.min(this.source.size, Math.max(this.#start + this.#windowSize, this.#wantedEnd))
    this.#windowSize = Math.min(LARGEST_WINDOW, this.#windowSize * 2)
    this.#window = await this.source.read(this.#start, end)
    this.#view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.byteLength)
  }

  /** Advances by `count` bytes and returns where they start in the window. */
  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#window.byteLength) {
      if (this.position + count > this.source.size) {
        throw this.file.invalid(
          `${this.what} ends early: ${count} bytes expected at byte ${this.position}, ` +
            `${this.source.size - this.position} found`,
          'The file is cut short or damaged: download or copy it again.',
        )
      }
      this.#wantedEnd = this.position + count
      throw needMore
    }
    this.#at = at + count
    return at
  }

  uint8 = () => this.#view.getUint8(this.#take(1))
  uint16 = () => this.#view.getUint16(this.#take(2), true)
  int32 = () => this.#view.getInt32(this.#take(4), true)
  uint32 = () => this.#view.getUint32(this.#take(4), true)
  uint64 = () => readUint64(this.#window, this.#take(8))
  /** Pickles hold doubles in big-endian order. */
  float64 = () => this.#view.getFloat64(this.#take(8), false)

  /** Reads `count` bytes as a view that later windows do not change. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#window.subarray(at, at + count)
  }

  /** Reads up to a line feed and returns the bytes before it. */
  line(longest = LONGEST_LINE): Uint8Array {
    const from = this.#at
    const end = this.#window.indexOf(10, from)
    const length = end < 0 ? this.#window.byteLength - from : end - from
    if (length > longest) {
      throw this.file.invalid(`${this.what}: no line of at most ${longest} bytes at byte ${this.position}`)
    }
    if (end < 0 && this.position + length < this.source.size) {
      // Twice as much each time: a long line must not be scanned once per byte.
      this.#wantedEnd = this.position + 2 * length + LONGEST_LINE
      throw needMore
    }
    this.#take(length + 1)
    return this.#window.subarray(from, from + length)
  }
}
