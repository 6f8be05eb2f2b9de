import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import {
  checkInverseNet,
  checkLosses,
  checkPrimitives,
  checkRelatedLosses,
  checkSorting,
  checkTraining,
} from '@inverseform/testing/losses'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect } from 'vitest'
import { binding } from './binding.js'

beforeAll(async () => {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  expect(await tf.setBackend('wasm')).toBe(true)
})

describe("operations on TensorFlow.js' WebAssembly backend", () => checkPrimitives(binding))
describe('sums in sorted order', () => checkSorting(binding))
describe('losses', () => checkLosses(binding))
describe('related losses', () => checkRelatedLosses(binding))
describe('training', () => checkTraining(binding))
describe('losses with InverseNet', () => checkInverseNet(binding))
