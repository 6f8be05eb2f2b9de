import type { CheckpointFile } from '../file.js'
import type { ByteCursor } from './cursor.js'
import {
  describe,
  NumpyDType,
  type PickleDict,
  PickleGlobal,
  PickleTuple,
  type PickleValue,
  type TorchStorage,
  TorchTensor,
} from './values.js'

/** Resolves what a pickle refers to outside itself. */
export interface PickleScope {
  /** Returns what a global stands for; throws if it is not allowed. */
  global(module: string, name: string): PickleGlobal
  /** Returns the storage of a persistent id. */
  persistent(id: PickleValue): TorchStorage
}

/** The stack, marks and memo of pickle instructions. It builds values and never runs code. */
export class PickleMachine {
  readonly file: CheckpointFile
  /** The value of a finished pickle. */
  result: PickleValue | undefined
  readonly #stack: PickleValue[] = []
  readonly #marks: number[] = []
  readonly #memo = new Map<number, PickleValue>()
  #dicts = 0

  readonly cursor: ByteCursor
  readonly scope: PickleScope

  constructor(cursor: ByteCursor, scope: PickleScope) {
    this.cursor = cursor
    this.scope = scope
    this.file = cursor.file
  }

  fail(problem: string): never {
    throw this.#error(problem)
  }

  #error(problem: string): Error {
    return this.file.invalid(`${this.cursor.what}: ${problem} before byte ${this.cursor.position}`)
  }

  push(value: PickleValue): void {
    this.#stack.push(value)
  }

  pop(): PickleValue {
    const value = this.peek()
    this.#stack.pop()
    return value
  }

  /** Returns the topmost value, which must lie above the last mark. */
  peek(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.fail('an instruction finds its stack empty')
    return this.#stack[this.#stack.length - 1]!
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
    this.file.check('maxDepth', this.#marks.length, 'nested marks in a pickle')
  }

  /** Removes the last mark and returns the values above it. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop() ?? this.fail('an instruction finds no mark')
    return this.#stack.splice(mark)
  }

  /** Pops `count` values into a tuple. */
  tuple(count: number): void {
    const items: PickleValue[] = []
    for (let i = count - 1; i >= 0; i--) items[i] = this.pop()
    this.push(new PickleTuple(items))
  }

  memoize(key = this.#memo.size): void {
    this.#memo.set(key, this.peek())
    this.file.check('maxMemo', this.#memo.size, 'objects in the memo of a pickle')
  }

  recall(key: number): void {
    const value = this.#memo.get(key)
    if (value === undefined) this.fail(`object ${key} is used but was never remembered`)
    this.push(value)
  }

  append(items: readonly PickleValue[]): void {
    const list = this.peek()
    if (!Array.isArray(list)) this.fail(`elements are added to ${describe(list)}`)
    for (const item of items) list.push(item)
  }

  dict(items: readonly PickleValue[]): void {
    this.#pushNew(new Map())
    this.setItems(items)
  }

  #pushNew(value: PickleValue): void {
    if (value instanceof Map) this.file.check('maxDicts', ++this.#dicts, 'dicts in a pickle')
    this.push(value)
  }

  setItem(): void {
    const value = this.pop()
    const key = this.pop()
    this.setItems([key, value])
  }

  /** Adds alternating keys and values to the dict on top of the stack. */
  setItems(items: readonly PickleValue[]): void {
    const dict = this.peek()
    if (!(dict instanceof Map)) this.fail(`items are set in ${describe(dict)}`)
    if (items.length % 2) this.fail('a dict gets a key without a value')
    for (let i = 0; i < items.length; i += 2) this.#setItem(dict, items[i]!, items[i + 1]!)
  }

  #setItem(dict: PickleDict, key: PickleValue, value: PickleValue): void {
    if (Array.isArray(key) || key instanceof Map) this.fail(`a dict gets ${describe(key)} as a key`)
    dict.set(key, value)
  }

  global(module: string, name: string): void {
    this.push(this.scope.global(module, name))
  }

  stackGlobal(): void {
    const name = this.pop()
    const module = this.pop()
    if (typeof module !== 'string' || typeof name !== 'string') {
      this.fail(`a global is named by ${describe(module)} and ${describe(name)}`)
    }
    this.global(module, name)
  }

  /** Calls the global below the arguments. Calls only build what the allow-list defines. */
  reduce(): void {
    const args = this.pop()
    const callable = this.pop()
    if (!(callable instanceof PickleGlobal && callable.meaning.call)) {
      this.fail(`${describe(callable)} is called`)
    }
    if (!(args instanceof PickleTuple)) this.fail(`${callable.name} is called with ${describe(args)}`)
    this.#pushNew(callable.meaning.call(args.items, (problem) => this.#error(`${callable.name}: ${problem}`)))
  }

  /** Sets an object's state. Ignores attributes of dicts (torch's `_metadata`) and of tensors. */
  build(): void {
    const state = this.pop()
    const target = this.peek()
    if (target instanceof NumpyDType) {
      const order = state instanceof PickleTuple ? state.items[1] : undefined
      if (typeof order !== 'string' || !['<', '>', '|', '='].includes(order)) {
        this.fail('a NumPy type gets a state of an unknown form')
      }
      target.bigEndian = order === '>'
    } else if (!(target instanceof Map || target instanceof TorchTensor)) {
      this.fail(`${describe(target)} gets a state`)
    }
  }
}
