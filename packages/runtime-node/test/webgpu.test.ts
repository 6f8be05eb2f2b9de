import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { SegmentationModelName } from '@inverseform/backbones'
import { describe, expect, test } from 'vitest'
import type { Diagnosis } from '../src/index.js'
import diagnosis from './support/diagnosis-child.ts?bundled'
import webgpu from './support/webgpu-child.ts?bundled'

/** Debian's Chromium has a Vulkan loader and SwiftShader, a slow WebGPU driver that computes on the CPU. */
const CHROMIUM = '/usr/lib/chromium'
const driver = `${CHROMIUM}/vk_swiftshader_icd.json`
const hasDriver = process.platform === 'linux' && process.arch === 'x64' && existsSync(driver)
const note = hasDriver ? '' : ` (skipped: ${driver} does not exist; install chromium)`

/** Runs a program in its own process, because the loader and the driver are found when a process starts. */
async function runWithDriver(program: string, ...args: string[]) {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...args], {
    env: { ...process.env, VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: CHROMIUM },
  })
  return { result: JSON.parse(stdout), stderr }
}

describe.skipIf(!hasDriver)(`on a software WebGPU device${note}`, { concurrent: true }, () => {
  test('networks segment as published', async () => {
    const models: SegmentationModelName[] = ['hrnet16-slim', 'hrnet18']
    const { result, stderr } = await runWithDriver(webgpu, ...models)
    const { errors, drivers, identity } = result
    expect(drivers).toEqual(['libvk_swiftshader.so'])
    expect(identity).toMatch(/libvk_swiftshader\.so \d+ \d+/)
    expect(Object.keys(errors)).toEqual(models)
    for (const [model, bySize] of Object.entries<Record<string, { logits: number; edges: number }>>(errors)) {
      expect(Object.keys(bySize)).toEqual(['32x64', '61x93'])
      for (const { logits, edges } of Object.values(bySize)) {
        expect(logits, model).toBeLessThan(1e-4)
        expect(edges, model).toBeLessThan(1e-4)
      }
    }
    expect(stderr).toBe('')
  })

  test('a diagnosis finds it, and `auto` does not use it', async () => {
    const { result }: { result: Diagnosis } = await runWithDriver(diagnosis)
    const [webgpu, half] = result.devices.filter(({ device }) => device === 'webgpu')
    expect(webgpu).toMatchObject({
      outcome: 'used',
      reason: expect.stringMatching(/agrees with the CPU .*libvk_swiftshader\.so, computes on the CPU\.$/),
    })
    expect(webgpu.disagreement).toBeLessThan(1e-4)
    // SwiftShader has no shader-f16.
    expect(half).toMatchObject({
      precision: 'float16',
      outcome: 'failed',
      reason: expect.stringMatching(/^The device webgpu \(float16\) cannot be used: .*f16/),
      hint: expect.stringMatching(/^In float32 it may work\./),
    })
    expect(result.drivers.vulkan).toEqual(['libvk_swiftshader.so'])
    expect(result.auto.attempts.find(({ device }) => device === 'webgpu')?.outcome).not.toBe('used')
  })
})
