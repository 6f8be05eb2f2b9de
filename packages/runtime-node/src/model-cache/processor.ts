import { open } from 'node:fs/promises'
import { cpus, release } from 'node:os'

/**
 * Identifies what the processor can do. ONNX Runtime lays out weights for it, in blocks of 8 or 16 channels, so an optimized
 * model gives wrong results on another one.
 */
export async function processorIdentity(): Promise<string> {
  const { arch, env, platform } = process
  const known = platform === 'linux' ? await linuxProcessor() : [cpus()[0]?.model, release()]
  return JSON.stringify([platform, arch, known, env.PROCESSOR_IDENTIFIER])
}

/** Whether the processor has AVX-512; undefined where that is unknown, as on Windows. */
export async function hasAvx512(): Promise<boolean | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const flags = (await linuxProcessor()).find((line) => line.startsWith('flags'))
  return flags === undefined ? undefined : /\bavx512f\b/.test(flags)
}

/** Returns name and features of the first core. Virtual machines may hide features, so that the name alone does not tell them. */
async function linuxProcessor(): Promise<string[]> {
  await using file = await open('/proc/cpuinfo')
  // The kernel writes as much as is read, and a machine may have hundreds of cores.
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2 ** 14), 0, 2 ** 14, 0)
  const text = buffer.toString('utf8', 0, bytesRead).split('\n\n')[0]
  return text.match(/^(model name|flags|Features|CPU part|isa)\s*:.*$/gm) ?? []
}
