import type { CheckpointFile } from '../file.js'
import type { ByteCursor } from './cursor.js'
import { hostile } from './globals.js'
import { buildArray } from './numpy.js'
import {
  type CallContext,
  describe,
  NumpyArray,
  NumpyDType,
  type PickleDict,
  PickleGlobal,
  PickleObject,
  PickleTuple,
  type PickleValue,
  TorchTensor,
} from './values.js'

/** Resolves what a pickle refers to outside itself. */
export interface PickleScope {
  /** Returns what a global stands for; throws if it is not allowed. */
  global(module: string, name: string): PickleGlobal
  /** Returns what a persistent id stands for, such as a storage. */
  persistent(id: PickleValue): PickleValue
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
  /** Globals that are accepted only when they are called with harmless arguments. */
  readonly #onlyCalled = new Set<PickleGlobal>()

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
    let list = this.peek()
    if (list instanceof PickleObject) list = list.items ??= []
    if (!Array.isArray(list)) this.fail(`elements are added to ${describe(list)}`)
    for (const item of items) list.push(item)
  }

  dict(items: readonly PickleValue[]): void {
    this.#pushNew(new Map())
    this.setItems(items)
  }

  #newDict(): PickleDict {
    const dict: PickleDict = new Map()
    this.#countDict(dict)
    return dict
  }

  #countDict(value: PickleValue): void {
    if (value instanceof Map) this.file.check('maxDicts', ++this.#dicts, 'dicts in a pickle')
  }

  #pushNew(value: PickleValue): void {
    this.#countDict(value)
    this.push(value)
  }

  setItem(): void {
    const value = this.pop()
    const key = this.pop()
    this.setItems([key, value])
  }

  /** Adds alternating keys and values to the dict on top of the stack. */
  setItems(items: readonly PickleValue[]): void {
    let dict = this.peek()
    if (dict instanceof PickleObject) dict = dict.entries ??= this.#newDict()
    if (!(dict instanceof Map)) this.fail(`items are set in ${describe(dict)}`)
    if (items.length % 2) this.fail('a dict gets a key without a value')
    for (let i = 0; i < items.length; i += 2) this.#setItem(dict, items[i]!, items[i + 1]!)
  }

  #setItem(dict: PickleDict, key: PickleValue, value: PickleValue): void {
    if (Array.isArray(key) || key instanceof Map) this.fail(`a dict gets ${describe(key)} as a key`)
    dict.set(key, value)
  }

  global(module: string, name: string): void {
    const found = this.scope.global(module, name)
    if (found.meaning.onlyCalled) this.#onlyCalled.add(found)
    this.push(found)
  }

  stackGlobal(): void {
    const name = this.pop()
    const module = this.pop()
    if (typeof module !== 'string' || typeof name !== 'string') {
      this.fail(`a global is named by ${describe(module)} and ${describe(name)}`)
    }
    this.global(module, name)
  }

  /** Applies the global below the arguments to them. A known one builds a value; an unknown one is only recorded. */
  reduce(): void {
    const args = this.pop()
    const callable = this.pop()
    if (!(args instanceof PickleTuple)) this.fail(`${describe(callable)} is called with ${describe(args)}`)
    this.#make(callable, args.items)
  }

  /** Makes an object of the class below the arguments, and with `keywords` below the dict of keywords. */
  newObject(keywords = false): void {
    const named = keywords ? this.pop() : undefined
    const args = this.pop()
    const type = this.pop()
    if (!(args instanceof PickleTuple)) this.fail(`${describe(type)} is made of ${describe(args)}`)
    const extra = named instanceof Map && named.size > 0 ? [named] : []
    if (extra.length > 0) this.file.work(args.items.length)
    this.#make(type, extra.length > 0 ? [...args.items, ...extra] : args.items)
  }

  /** Makes an object of a class and its arguments, which lie above the last mark. */
  markedObject(): void {
    const [type, ...args] = this.popToMark()
    this.#make(type, args)
  }

  /** Looks a class up by its name, as `global`, and makes an object of the arguments above the last mark. */
  instance(module: string, name: string): void {
    const args = this.popToMark()
    this.global(module, name)
    this.#make(this.pop(), args)
  }

  #make(callable: PickleValue | undefined, args: readonly PickleValue[]): void {
    if (callable instanceof PickleObject) {
      // What a call returned is called: only its name is known.
      this.push(new PickleObject(callable.name, args))
      return
    }
    if (!(callable instanceof PickleGlobal)) this.fail(`${describe(callable)} is called`)
    const { call, dtype, onlyCalled } = callable.meaning
    if (call) {
      this.#pushNew(call(args, this.#context(callable)))
    } else if (dtype) this.fail(`${describe(callable)} is called`)
    else this.push(new PickleObject(callable.name, args))
    if (onlyCalled) this.#onlyCalled.delete(callable)
  }

  #context({ name, meaning }: PickleGlobal): CallContext {
    const { file } = this
    return {
      fail: (problem) => (meaning.onlyCalled ? hostile(file, name) : this.#error(`${name}: ${problem}`)),
      checkDimensions: (count) => file.check('maxDimensions', count, `${name}: dimensions`),
      work: (items, bytes) => file.work(items, bytes),
      global: (full) => {
        const dot = full.lastIndexOf('.')
        return this.scope.global(full.slice(0, dot), full.slice(dot + 1))
      },
    }
  }

  /** Sets an object's state. Ignores attributes of dicts (torch's `_metadata`) and of tensors. */
  build(): void {
    const state = this.pop()
    const target = this.peek()
    if (target instanceof PickleObject) target.state = state
    else if (target instanceof NumpyArray) {
      buildArray(target, state, this.#context(numpyArray))
    } else if (target instanceof NumpyDType) {
      const order = state instanceof PickleTuple ? state.items[1] : undefined
      if (typeof order !== 'string' || !['<', '>', '|', '='].includes(order)) {
        this.fail('a NumPy type gets a state of an unknown form')
      }
      target.bigEndian = order === '>'
    } else if (!(target instanceof Map || target instanceof TorchTensor || target instanceof PickleGlobal)) {
      this.fail(`${describe(target)} gets a state`)
    }
  }

  /** Ends a pickle. A global that is harmless only when called must have been called. */
  finish(): void {
    for (const { name } of this.#onlyCalled) throw hostile(this.file, name)
  }
}

const numpyArray = new PickleGlobal('numpy.ndarray', {})
