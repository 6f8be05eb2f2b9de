import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'

const require = createRequire(import.meta.url)

/** Describes the machine and the software versions in one line. `more` lists versions that Node does not know. */
export function machine(more = []) {
  const versions = [
    `Node ${process.versions.node}`,
    `onnxruntime-node ${require('onnxruntime-node/package.json').version}`,
    ...more,
  ]
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${cpus()[0].model}, ${availableParallelism()} cores, ${memory}, ${platform()}-${arch()}; ${versions.join(', ')}`
}

/** Names what the processor has of the instructions that decide which kernels run. */
export function features() {
  const flags =
    readFileSync('/proc/cpuinfo', 'utf8')
      .match(/^flags\s*:\s*(.*)$/m)?.[1]
      .split(' ') ?? []
  return flags.filter((flag) => /^(avx2|avx512f|avx_vnni|avx512_vnni|amx_int8)$/.test(flag)).join(', ')
}

/** Returns this process's memory in MiB: peak resident, resident now, and its anonymous and file-backed parts. */
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
