import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { inverseNet } from '@inverseform/core'
import { arrayOps } from '@inverseform/core/array'
import { describe, expect, it } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { dataset, inverseform, temporaryFolder } from './command-line.js'

const options = ['--data', dataset, '--split', 'val', '--size', '64x128', '--threads', '1']

describe('inverseform train-regressor', () => {
  it('writes a regressor that the loss accepts, with its recipe', async () => {
    const out = join(await temporaryFolder(), 'regressor.safetensors')
    const sizes = ['--tile', '16', '--hidden', '12,8', '--steps', '20', '--batch', '16', '--seed', '3']
    const {
      exitCode,
      out: results,
      err,
    } = await inverseform('train-regressor', ...options, ...sizes, '--out', out)
    expect({ exitCode, err }).toMatchObject({ exitCode: 0 })
    expect(results).toMatch(
      /^error on exact copies: shift x \d\.\d+, .*scale y \d\.\d+\nerror on predictions: .*\n$/,
    )
    expect(err).toContain('20/20 steps')
    const source = await fileSource(out)
    const checkpoint = await openCheckpoint(source)
    const weights = await readInverseNet(checkpoint)
    await source.close()
    const { transform, tileSize, hidden, steps, seed, ...facts } = checkpoint.metadata
    expect({ transform, tileSize, hidden, steps, seed }).toEqual({
      transform: 'shift-and-scale',
      tileSize: '16x16',
      hidden: '12,8',
      steps: '20',
      seed: '3',
    })
    expect(Number(facts['error.shift x'])).toBeGreaterThan(0)
    const ops = arrayOps()
    const tile = ops.constant(new Float32Array(256), [1, 1, 16, 16])
    expect(inverseNet(ops, weights)(ops, tile, tile).shape).toEqual([1, 4])
  })

  it.each([
    [['--out', 'regressor.onnx'], 'must end in .safetensors'],
    [['--transform', 'twist', '--out', 'a.safetensors'], 'shift-and-scale'],
    [['--hidden', '5', '--out', 'a.safetensors'], 'two numbers'],
    [['--size', '64', '--out', 'a.safetensors'], 'height x width'],
  ])('refuses %j', async (args, message) => {
    const { exitCode, err } = await inverseform('train-regressor', ...options, ...args)
    expect(exitCode).toBe(exitCodes.usage)
    expect(err).toContain(message)
  })

  it('writes nothing when tiles are larger than the maps', async () => {
    const folder = await temporaryFolder()
    const out = join(folder, 'regressor.safetensors')
    const { exitCode, err } = await inverseform('train-regressor', ...options, '--tile', '500', '--out', out)
    expect(exitCode).not.toBe(0)
    expect(err).toContain('tileSize')
    expect(await readdir(folder)).toEqual([])
  })
})
