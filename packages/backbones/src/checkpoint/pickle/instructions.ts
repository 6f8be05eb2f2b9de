import { decodeLatin1, decodeUtf8, isAscii } from '../decode.js'
import type { ByteCursor } from './cursor.js'
import type { PickleMachine } from './machine.js'
import { PickleTuple, type PickleValue } from './values.js'

/** An instruction reads all its arguments before it changes the machine, so it can be repeated with more bytes. */
type Instruction = (machine: PickleMachine, cursor: ByteCursor) => void

/** The instructions of protocols 0 to 5 with their bytes, by the names of Python's pickletools. */
const instructions: Record<string, readonly [byte: number, Instruction]> = {
  PROTO: [0x80, (m, c) => checkProtocol(m, c.uint8())],
  // Frames only hint how much to fetch at once.
  FRAME: [0x95, (_, c) => void c.uint64()],
  STOP: [0x2e, (m) => void (m.result = m.pop())],

  POP: [0x30, (m) => void m.pop()],
  DUP: [0x32, (m) => m.push(m.peek())],
  MARK: [0x28, (m) => m.mark()],
  POP_MARK: [0x31, (m) => void m.popToMark()],

  BINPUT: [0x71, (m, c) => m.memoize(c.uint8())],
  LONG_BINPUT: [0x72, (m, c) => m.memoize(c.uint32())],
  MEMOIZE: [0x94, (m) => m.memoize()],
  PUT: [0x70, (m, c) => m.memoize(memoKey(m, c))],
  GET: [0x67, (m, c) => m.recall(memoKey(m, c))],
  BINGET: [0x68, (m, c) => m.recall(c.uint8())],
  LONG_BINGET: [0x6a, (m, c) => m.recall(c.uint32())],

  NONE: [0x4e, (m) => m.push(null)],
  NEWTRUE: [0x88, (m) => m.push(true)],
  NEWFALSE: [0x89, (m) => m.push(false)],
  BININT: [0x4a, (m, c) => m.push(c.int32())],
  BININT1: [0x4b, (m, c) => m.push(c.uint8())],
  BININT2: [0x4d, (m, c) => m.push(c.uint16())],
  BINFLOAT: [0x47, (m, c) => m.push(c.float64())],
  LONG1: [0x8a, (m, c) => m.push(integer(m, c, c.uint8()))],
  LONG4: [0x8b, (m, c) => m.push(integer(m, c, c.uint32()))],

  INT: [0x49, (m, c) => m.push(textInteger(m, line(m, c)))],
  LONG: [0x4c, (m, c) => m.push(textInteger(m, line(m, c).replace(/L$/, '')))],
  FLOAT: [0x46, (m, c) => m.push(textFloat(m, line(m, c)))],
  STRING: [0x53, (m, c) => m.push(quotedText(m, textLine(m, c)))],
  UNICODE: [0x56, (m, c) => m.push(escapedText(m, textLine(m, c)))],

  SHORT_BINUNICODE: [0x8c, (m, c) => m.push(text(m, c, c.uint8()))],
  BINUNICODE: [0x58, (m, c) => m.push(text(m, c, c.uint32()))],
  BINUNICODE8: [0x8d, (m, c) => m.push(text(m, c, c.uint64()))],
  SHORT_BINSTRING: [0x55, (m, c) => m.push(pythonTwoText(m, c, c.uint8()))],
  BINSTRING: [0x54, (m, c) => m.push(pythonTwoText(m, c, c.uint32()))],
  SHORT_BINBYTES: [0x43, (m, c) => m.push(bytes(m, c, c.uint8()))],
  BINBYTES: [0x42, (m, c) => m.push(bytes(m, c, c.uint32()))],
  BINBYTES8: [0x8e, (m, c) => m.push(bytes(m, c, c.uint64()))],
  BYTEARRAY8: [0x96, (m, c) => m.push(bytes(m, c, c.uint64()))],

  EMPTY_TUPLE: [0x29, (m) => m.push(emptyTuple)],
  TUPLE1: [0x85, (m) => m.tuple(1)],
  TUPLE2: [0x86, (m) => m.tuple(2)],
  TUPLE3: [0x87, (m) => m.tuple(3)],
  TUPLE: [0x74, (m) => m.push(new PickleTuple(m.popToMark()))],
  EMPTY_LIST: [0x5d, (m) => m.push([])],
  LIST: [0x6c, (m) => m.push(m.popToMark())],
  APPEND: [0x61, (m) => m.append([m.pop()])],
  APPENDS: [0x65, (m) => m.append(m.popToMark())],
  EMPTY_DICT: [0x7d, (m) => m.dict([])],
  DICT: [0x64, (m) => m.dict(m.popToMark())],
  SETITEM: [0x73, (m) => m.setItem()],
  SETITEMS: [0x75, (m) => m.setItems(m.popToMark())],
  // Sets become lists, because no element is looked up.
  EMPTY_SET: [0x8f, (m) => m.push([])],
  ADDITEMS: [0x90, (m) => m.append(m.popToMark())],
  FROZENSET: [0x91, (m) => m.push(new PickleTuple(m.popToMark()))],

  GLOBAL: [0x63, (m, c) => m.global(line(m, c), line(m, c))],
  STACK_GLOBAL: [0x93, (m) => m.stackGlobal()],
  BINPERSID: [0x51, (m) => m.push(m.scope.persistent(m.pop()))],
  PERSID: [0x50, (m, c) => m.push(m.scope.persistent(line(m, c)))],
  REDUCE: [0x52, (m) => m.reduce()],
  NEWOBJ: [0x81, (m) => m.newObject()],
  NEWOBJ_EX: [0x92, (m) => m.newObject(true)],
  OBJ: [0x6f, (m) => m.markedObject()],
  INST: [0x69, (m, c) => m.instance(line(m, c), line(m, c))],
  BUILD: [0x62, (m) => m.build()],
}

/** Instructions that name classes by numbers, which only the program that wrote the file knows. */
const refused: Readonly<Record<number, string>> = { 130: 'EXT1', 131: 'EXT2', 132: 'EXT4' }

const emptyTuple = new PickleTuple([])

const byByte: (Instruction | undefined)[] = []
for (const [byte, instruction] of Object.values(instructions)) byByte[byte] = instruction

/** Runs one instruction. */
export function step(machine: PickleMachine, cursor: ByteCursor): void {
  const byte = cursor.uint8()
  const instruction = byByte[byte]
  if (instruction) instruction(machine, cursor)
  else if (refused[byte]) {
    throw machine.file.unsafe(
      `${cursor.what}: instruction ${refused[byte]} before byte ${cursor.position} creates a Python object of an unknown class`,
      'Load the file in Python, in the project that wrote it, and save only its state_dict().',
    )
  } else machine.fail(`unknown pickle instruction 0x${byte.toString(16).padStart(2, '0')}`)
}

function checkProtocol(machine: PickleMachine, version: number): void {
  if (version > 5) machine.fail(`pickle protocol ${version}, but at most 5 is supported,`)
}

function line(machine: PickleMachine, cursor: ByteCursor): string {
  return decodeUtf8(cursor.line()) ?? machine.fail('a name that is not UTF-8')
}

/** Reads a line of text, which may be as long as a string. */
function textLine(machine: PickleMachine, cursor: ByteCursor): string {
  const found = cursor.line(machine.file.limits.maxStringBytes)
  return decodeLatin1(found)
}

function memoKey(machine: PickleMachine, cursor: ByteCursor): number {
  const key = textInteger(machine, line(machine, cursor))
  if (typeof key !== 'number' || key < 0) machine.fail('an object is remembered without a number')
  return key
}

/** Reads a decimal integer; protocol 1 writes booleans as 00 and 01. */
function textInteger(machine: PickleMachine, digits: string): number | bigint | boolean {
  if (digits === '00' || digits === '01') return digits === '01'
  if (!/^[-+]?\d+$/.test(digits)) machine.fail('an integer without digits')
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : BigInt(digits)
}

function textFloat(machine: PickleMachine, digits: string): number {
  const special = /^([-+]?)(inf|nan)$/.exec(digits)
  if (special) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity
  if (!/^[-+]?(\d|\.\d)[\d.e+-]*$/i.test(digits)) machine.fail('a number without digits')
  return Number(digits)
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  0: '\0',
}

/** Reads the repr of a Python 2 string. */
function quotedText(machine: PickleMachine, quoted: string): PickleValue {
  const inner = /^(['"])([\s\S]*)\1$/.exec(quoted)?.[2]
  if (inner === undefined) machine.fail('a string without quotes')
  const found = inner.replace(/\\(x[0-9a-f]{2}|[\s\S])/gi, (_, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (escapes[code] ?? code),
  )
  const bytes = Uint8Array.from({ length: found.length }, (_, i) => found.charCodeAt(i))
  return isAscii(bytes) ? found : bytes
}

/** Reads text whose line ends, backslashes and wide characters are written as \\uXXXX. */
function escapedText(_: PickleMachine, line: string): string {
  return line.replace(/\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/gi, (whole, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long ?? '', 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

function bytes(machine: PickleMachine, cursor: ByteCursor, length: number): Uint8Array {
  machine.file.check('maxStringBytes', length, 'bytes of a string in a pickle')
  return cursor.bytes(length)
}

function text(machine: PickleMachine, cursor: ByteCursor, length: number): string {
  return decodeUtf8(bytes(machine, cursor, length)) ?? machine.fail('a string that is not UTF-8')
}

/** Python 2 has one type for text and bytes. ASCII is read as text, anything else as bytes. */
function pythonTwoText(machine: PickleMachine, cursor: ByteCursor, length: number): PickleValue {
  const found = bytes(machine, cursor, length)
  return isAscii(found) ? decodeLatin1(found) : found
}

/** Reads a little-endian two's complement integer; a bigint only if a number is not exact. */
function integer(machine: PickleMachine, cursor: ByteCursor, length: number): number | bigint {
  machine.file.check('maxIntegerBytes', length, 'bytes of an integer in a pickle')
  const found = cursor.bytes(length)
  if (length === 0) return 0
  // Conversions take far longer than reading.
  if (length > 16) machine.file.work(1, 32 * length)
  let hex = '0x'
  for (let i = length - 1; i >= 0; i--) hex += found[i].toString(16).padStart(2, '0')
  const value = BigInt.asIntN(length * 8, BigInt(hex))
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
