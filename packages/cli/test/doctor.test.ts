import { availableParallelism, totalmem } from 'node:os'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

describe('doctor', () => {
  test('as JSON holds versions, providers, what each device answered, threads and memory', async () => {
    const { exitCode, out } = await inverseform('doctor', '--json')
    expect(exitCode).toBe(0)
    const result = JSON.parse(out)
    expect(result).toMatchObject({
      format: 'inverseform.diagnosis',
      version: 1,
      inverseform: manifest.version,
      platform: `${process.platform}-${process.arch}`,
      versions: { node: process.versions.node, onnxruntime: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      threads: availableParallelism(),
      memory: { total: totalmem(), available: expect.any(Number) },
    })
    const names = result.providers.map(({ name }: { name: string }) => name)
    const asked = result.devices.filter(({ precision }: { precision: string }) => precision === 'float32')
    expect(asked.map(({ device }: { device: string }) => device).sort()).toEqual(names.sort())
    expect(result.gpus).toEqual(expect.any(Array))
    expect(result.devices[0]).toMatchObject({ device: 'cpu', outcome: 'used' })
    expect(result.auto.ladder.at(-1)).toMatchObject({ device: result.auto.device, outcome: 'used' })
    for (const { outcome, reason, hint } of result.devices) {
      expect(reason).toMatch(/^\S.*\.$/)
      if (outcome !== 'used') expect(hint).toMatch(/^[A-Z].*\.$/)
    }
  })

  test('as text names each device once in a table, and what to do', async () => {
    const { exitCode, out } = await inverseform('doctor')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/^device +precision +answer +self-check +time$/m)
    expect(out.match(/^cpu +float32 +works +\d+ ms$/gm)).toHaveLength(1)
    expect(out).toMatch(/^--device auto takes \w+/m)
    expect(out).toMatch(/^adapter limits +not told by onnxruntime-node/m)
    expect(out).not.toMatch(/undefined|NaN|null/)
  })
})

describe('--device', () => {
  test('that is not in the build ends with what it is and where there is one', async () => {
    const missing = process.platform === 'win32' ? 'coreml' : 'dml'
    for (const args of [
      ['predict', checkpoint],
      ['eval', '--data', await temporaryFolder()],
    ]) {
      const { exitCode, err } = await inverseform(...args, '--checkpoint', checkpoint, '--device', 'tpu')
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain('webgpu, cuda')
    }
    const out = await temporaryFolder()
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', missing, '--out', out]
    const { exitCode, err } = await inverseform(...args)
    expect(err).toMatch(
      new RegExp(`error: onnxruntime-node for .* is built without ${missing}\\.\\nhint: It has`),
    )
    expect(exitCode).toBe(exitCodes.runtime)
  })

  test('whose number it does not take is wrong usage', async () => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu', '--device-id', '1']
    const { exitCode, err } = await inverseform(...args, '--out', await temporaryFolder())
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('The device "cpu" takes no deviceId.')
  })

  test.each([
    ['0,1', 'takes no deviceId'],
    ['0,0', 'The option deviceId is 0,0.'],
    ['0,x', 'Give numbers from 0'],
    ['-1', 'Give numbers from 0'],
    ['0.5', 'Give numbers from 0'],
  ])('with the numbers %s of a CPU is wrong usage', async (ids, message) => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu', `--device-id=${ids}`]
    const { exitCode, err } = await inverseform(...args, '--out', await temporaryFolder())
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(message)
  })
})

describe('--precision', () => {
  test('float16 on the CPU is wrong usage, with what to do', async () => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu']
    const out = await temporaryFolder()
    const { exitCode, err } = await inverseform(...args, '--precision', 'float16', '--out', out)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toMatch(/^error: The CPU does not compute in float16\.\nhint: Leave the precision/m)
  })
})
