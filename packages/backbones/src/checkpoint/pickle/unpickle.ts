import { type ByteCursor, needMore } from './cursor.js'
import { step } from './instructions.js'
import { PickleMachine, type PickleScope } from './machine.js'
import type { PickleValue } from './values.js'

/** Reads one pickle and moves the cursor past it. */
export async function unpickle(cursor: ByteCursor, scope: PickleScope): Promise<PickleValue> {
  const { file } = cursor
  const machine = new PickleMachine(cursor, scope)
  const start = cursor.position
  for (let count = 1; machine.result === undefined; count++) {
    const position = cursor.position
    try {
      step(machine, cursor)
    } catch (error) {
      if (error !== needMore) throw error
      cursor.rewind(position)
      await cursor.refill()
      count--
    }
    if (count % 1024 === 0) await file.pause()
    file.check('maxPickleOps', count, 'instructions of a pickle')
    file.check('maxHeaderBytes', cursor.position - start, 'bytes of a pickle')
  }
  machine.finish()
  return machine.result
}
