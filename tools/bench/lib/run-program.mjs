import { spawnSync } from 'node:child_process'

/** Runs a program and returns its standard output. Exits this process if the program fails. */
export function run(program, args) {
  const { status, signal, stdout, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) {
    process.stderr.write(
      `${program} ${args.join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}\n`,
    )
    process.exit(1)
  }
  return stdout
}

/** Runs a program and parses its last line as JSON. */
export function runJson(program, args) {
  return JSON.parse(run(program, args).trim().split('\n').at(-1))
}
