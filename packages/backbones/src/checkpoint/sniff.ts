import { decodeLatin1 } from './decode.js'
import type { CheckpointFormat } from './types.js'

/** The format that a file's first bytes show, or what else the file is, with a hint. */
export type Sniffed = { readonly format: CheckpointFormat } | Other

interface Other {
  readonly found: string
  readonly hint: string
}

/** Bytes that `sniff` needs. A tar archive has its signature at byte 257. */
export const SNIFF_SIZE = 512

const redownload = 'Download the checkpoint again and check its size.'
const resave = 'Use a file written by torch.save or a safetensors file.'

/** Signatures as latin1 and their offsets. */
const binary: readonly (readonly [offset: number, signature: string, Other])[] = [
  [0, '\x89HDF\r\n\x1a\n', { found: 'an HDF5 file, as Keras writes', hint: resave }],
  [
    257,
    'ustar',
    {
      found: 'a tar archive, as the first versions of PyTorch wrote',
      hint: 'If you trust its source, load it in Python and save it again with torch.save.',
    },
  ],
  [0, '\x1f\x8b', { found: 'a gzip file', hint: 'Unpack it first.' }],
  [0, '\x93NUMPY', { found: 'a NumPy array file', hint: resave }],
  [0, 'GGUF', { found: 'a GGUF file', hint: resave }],
  [0, 'PK\x05\x06', { found: 'an empty zip archive', hint: redownload }],
]

const texts: readonly (readonly [start: RegExp, Other])[] = [
  [
    /^version https:\/\/git-lfs/,
    { found: 'a Git LFS pointer, not the file itself', hint: 'Fetch the file itself: git lfs pull.' },
  ],
  [
    /^\s*(<!doctype|<html|<head|<\?xml|<!--)/i,
    { found: 'an HTML or XML page, perhaps the error page of a download', hint: redownload },
  ],
  [/^\s*[{[]/, { found: 'a JSON text', hint: redownload }],
]

/** Identifies a file by its first bytes. */
export function sniff(start: Uint8Array, fileSize: number): Sniffed {
  if (fileSize === 0) return { found: 'an empty file', hint: redownload }
  const text = decodeLatin1(start)
  if (text.startsWith('PK\x03\x04')) return { format: 'pth-zip' }
  // First, since the size of its header may look like the start of a pickle, as 640 does.
  if (isSafetensors(start)) return { format: 'safetensors' }
  if (start[0] === 0x80 && start[1] >= 2 && start[1] <= 5) return { format: 'pth-legacy' }
  // Protocols 0 and 1 start with the magic number of torch.save as text.
  if (text.startsWith('L119547037146038801333356L\n')) return { format: 'pth-legacy' }
  if (isOnnx(start)) return onnx(text)
  if (start.every((byte) => byte === 0)) {
    return { found: 'a file that starts with nothing but zeros', hint: redownload }
  }
  return (
    binary.find(([offset, signature]) => text.startsWith(signature, offset))?.[2] ??
    texts.find(([pattern]) => pattern.test(text))?.[1] ?? {
      found: `neither a PyTorch nor a safetensors file: it starts with the bytes ${hex(start.subarray(0, 8))}`,
      hint: resave,
    }
  )
}

/** Whether a file starts as an ONNX ModelProto: with field 1, the IR version, and a field that may follow it. */
export function isOnnx(start: Uint8Array): boolean {
  const next = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42]
  return start[0] === 0x08 && start[1] < 0x20 && next.includes(start[2]) && !isSafetensors(start)
}

/** Whether a file starts with the size of a header, below 2^40 bytes, and a JSON object. */
function isSafetensors(start: Uint8Array): boolean {
  return decodeLatin1(start.subarray(5, 9)) === '\0\0\0{'
}

function onnx(text: string): Other {
  const checkpoint = 'Use the PyTorch checkpoint that it was converted from.'
  if (!text.startsWith('\x12\x0binverseform', 2)) return { found: 'an ONNX model', hint: checkpoint }
  return {
    found: 'an ONNX model that InverseForm wrote, not a checkpoint',
    hint: `${checkpoint} Or open the model with openModel, or run it with \`inverseform predict\` or \`eval\`.`,
  }
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
}
