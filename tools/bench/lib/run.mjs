import { spawnSync } from 'node:child_process'

/** Runs a program in a process of its own and returns what it prints. Exits where it fails. */
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

/** As {@link run}, for a program whose last line is JSON. */
export function runJson(program, args) {
  return JSON.parse(run(program, args).trim().split('\n').at(-1))
}
