import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Starts a program that prints one line of JSON, then answers each input line with another. */
export async function startAnswering(program, args, env = process.env) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${program} ${args.join(' ')} ended without an answer.`)
    return JSON.parse(value)
  }
  return {
    hello: await answer(),
    ask: (line) => {
      child.stdin.write(`${line}\n`)
      return answer()
    },
    end: () => child.stdin.end(),
  }
}
