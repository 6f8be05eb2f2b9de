import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'

const require = createRequire(import.meta.url)

/** One line on what the figures were taken with. `more` names versions that Node does not know of. */
export function machine(more = []) {
  const versions = [
    `Node ${process.versions.node}`,
    `onnxruntime-node ${require('onnxruntime-node/package.json').version}`,
    ...more,
  ]
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus()[0].model}, ${availableParallelism()} cores, ${memory}, ${platform()}-${arch()}; ${versions.join(', ')}`
}

/** This process's memory in MiB: the peak of what was resident, what is now, and what of it is and is not backed by a file. */
export function memory() {
  const status = readFileSync('/proc/self/status', 'utf8')
  const field = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024
  return {
    peak: field('VmHWM'),
    resident: field('VmRSS'),
    anonymous: field('RssAnon'),
    mapped: field('RssFile'),
  }
}
