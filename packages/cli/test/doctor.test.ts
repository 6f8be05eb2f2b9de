import { availableParallelism, totalmem } from 'node:os'
import type { DeviceDiagnosis, Diagnosis } from '@inverseform/runtime-node'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { exitCodes } from '../src/exit-codes.js'
import { diagnosisText } from '../src/output/text/diagnosis.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

describe('doctor', () => {
  test('the JSON has versions, providers, the outcome of each device, threads and memory', async () => {
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
    expect(result.auto.attempts.at(-1)).toMatchObject({ device: result.auto.device, outcome: 'used' })
    for (const { outcome, reason, hint } of result.devices) {
      expect(reason).toMatch(/^\S.*\.$/)
      if (outcome !== 'used') expect(hint).toMatch(/^[A-Z].*\.$/)
    }
  })

  test('the text has each device once in a table, and what to do', async () => {
    const { exitCode, out } = await inverseform('doctor')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/^device +precision +outcome +self-check +time$/m)
    expect(out.match(/^cpu +float32 +works +\d+ ms$/gm)).toHaveLength(1)
    expect(out).toMatch(/^--device auto uses \w+/m)
    expect(out).toMatch(/^adapter limits +not reported by ONNX Runtime/m)
    expect(out).not.toMatch(/undefined|NaN|null/)
  })
})

describe('diagnosisText', () => {
  const diagnosisOf = (parts: Partial<DeviceDiagnosis>): DeviceDiagnosis => ({
    device: 'cuda',
    precision: 'float32',
    outcome: 'used',
    reason: 'It agrees.',
    time: 1,
    ...parts,
  })
  const diagnosis = (parts: Partial<Diagnosis>): Diagnosis => ({
    versions: { onnxruntime: '1.30.0', sharp: '0.35.0', node: '20.0.0' },
    platform: 'linux-x64',
    providers: [{ name: 'cpu', bundled: true }],
    devices: [],
    auto: { device: 'cpu', attempts: [] },
    gpus: [],
    drivers: { gpu: [], vulkan: [] },
    threads: 2,
    memory: { total: 2 ** 34, available: 2 ** 33 },
    ...parts,
  })

  test.each([
    [0, '0 % off the CPU'],
    [0.0000234, '0.0023 % off the CPU'],
    [0.3321, '33 % off the CPU'],
    [2.5, '250 % off the CPU'],
    [Number.POSITIVE_INFINITY, 'not finite'],
  ])('writes a disagreement of %d as %s', (disagreement, text) => {
    const out = diagnosisText(diagnosis({ devices: [diagnosisOf({ disagreement })] }))
    expect(out).toMatch(new RegExp(`^cuda +float32 +works +${text} +1 ms$`, 'm'))
  })

  test('describes the GPUs', () => {
    const gpus = [
      {
        address: '0000:41:00.0',
        pciId: '10de:2331',
        name: 'H100',
        driver: 'nvidia',
        driverVersion: '550.54',
      },
      { address: '0000:03:00.0', pciId: '1002:744c', driver: 'amdgpu', memory: 24 * 2 ** 30 },
      { address: '0000:04:00.0', pciId: '8086:56a0' },
    ]
    expect(diagnosisText(diagnosis({ gpus }))).toContain(
      'H100 10de:2331 at 0000:41:00.0, nvidia 550.54; PCI device 1002:744c at 0000:03:00.0, amdgpu, 24.0 GiB; PCI device 8086:56a0 at 0000:04:00.0, no driver\n',
    )
    expect(diagnosisText(diagnosis({ platform: 'win32-x64' }))).toMatch(/^GPUs +not listed on win32-x64$/m)
  })

  test('tells which device auto uses, and which it tried before', () => {
    const attempts = [
      diagnosisOf({ outcome: 'refused', reason: 'It disagrees.' }),
      diagnosisOf({ device: 'cpu', reason: 'The CPU is always there.' }),
    ]
    expect(diagnosisText(diagnosis({ auto: { device: 'cpu', attempts } }))).toMatch(
      /--device auto uses cpu, after\n {2}cuda refused: It disagrees\.\n$/,
    )
  })
})

describe('--device', () => {
  test('a device that the build lacks: the error names it, and the hint the others', async () => {
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
      new RegExp(`error: ONNX Runtime for .* is built without ${missing}\\.\\nhint: It has`),
    )
    expect(exitCode).toBe(exitCodes.runtime)
  })

  test('a device without numbers refuses --device-id', async () => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu', '--device-id', '1']
    const { exitCode, err } = await inverseform(...args, '--out', await temporaryFolder())
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain('`deviceId` cannot be used with the device cpu.')
  })

  test.each([
    ['0,1', '`deviceId` cannot be used with the device cpu.'],
    ['0,0', '`deviceId` must be an integer of at least 0, or a list of different ones, got [0, 0].'],
    ['0,x', 'Use GPU numbers from 0'],
    ['-1', 'Use GPU numbers from 0'],
    ['0.5', 'Use GPU numbers from 0'],
  ])('--device-id %s with the CPU is wrong usage', async (ids, message) => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu', `--device-id=${ids}`]
    const { exitCode, err } = await inverseform(...args, '--out', await temporaryFolder())
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(message)
  })
})

describe('--precision', () => {
  test('float16 on the CPU is wrong usage; the hint says what to do', async () => {
    const args = ['predict', checkpoint, '--checkpoint', checkpoint, '--device', 'cpu']
    const out = await temporaryFolder()
    const { exitCode, err } = await inverseform(...args, '--precision', 'float16', '--out', out)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toMatch(
      /^error: The device cpu does not compute in float16\.\nhint: Set --precision to `auto` or `float32`/m,
    )
  })
})
