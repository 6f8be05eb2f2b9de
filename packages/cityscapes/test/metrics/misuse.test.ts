import { isInverseFormError } from '@inverseform/errors'
import { describe, expect, it } from 'vitest'
import {
  BoundaryF,
  BoundaryIou,
  bootstrap,
  Calibration,
  type ConfidentImage,
  ConfusionMatrix,
  cityscapesResults,
  confusionSvg,
  evaluationReportHtml,
  huggingFaceResults,
  metricsReportHtml,
  mmsegResults,
  PerImageScores,
  PixelLevelEvaluation,
  SurfaceDistances,
  TrimapIou,
  worstImages,
} from '../../src/index.js'
import { imageOf } from './images.js'

/** Returns the error of an action that plain JavaScript allows. */
function errorOf(action: () => unknown): { code: string; message: string } {
  try {
    action()
  } catch (error) {
    if (isInverseFormError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('no error')
}

const wrong = (value: unknown) => value as never
const kinds = {
  ConfusionMatrix,
  PerImageScores,
  Calibration,
  BoundaryF,
  BoundaryIou,
  TrimapIou,
  SurfaceDistances,
  PixelLevelEvaluation,
}

describe.each(Object.entries(kinds))('%s, misused', (name, Kind) => {
  it('rejects options that are no object', () => {
    for (const options of [null, 19, 'x']) {
      expect(errorOf(() => new Kind(wrong(options)))).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/^`options` must be an object, got /),
      })
    }
  })

  it('rejects images that are none', () => {
    const good = {
      ...imageOf(new Uint8Array(2), new Uint8Array(2)),
      name: 'a',
      confidence: new Float32Array(2),
    }
    const metric = new Kind() as { update(image: unknown): void }
    for (const [image, message] of [
      [
        undefined,
        '`image` must be an object with `target`, `prediction`, `width` and `height`, got undefined.',
      ],
      [{ ...good, width: undefined }, '`width` must be an integer of at least 1, got undefined.'],
      [{ ...good, height: '2' }, '`height` must be an integer of at least 1, got "2".'],
    ] as const) {
      expect(errorOf(() => metric.update(image))).toEqual({ code: 'invalid-argument', message })
    }
  })

  it('merges neither JSON nor another metric', () => {
    const metric = new Kind() as unknown as Record<'merge' | 'checkMergeable', (other: unknown) => void>
    const others = [new Kind().toJSON(), name === 'Calibration' ? new BoundaryF() : new Calibration(), null]
    for (const other of others) {
      for (const method of ['merge', 'checkMergeable'] as const) {
        expect(errorOf(() => metric[method](other))).toMatchObject({
          code: 'invalid-argument',
          message: expect.stringContaining(`\`other\` must be a ${name}, got `),
        })
      }
    }
  })
})

describe('other arguments', () => {
  it('are named', () => {
    const noConfidence = imageOf(new Uint8Array(1), new Uint8Array(1)) as ConfidentImage
    const perImage = new PerImageScores()
    const actions: readonly [() => unknown, string][] = [
      [() => new Calibration().update(noConfidence), '`confidence` must be a Float32Array, got undefined.'],
      [() => bootstrap(perImage, wrong({ samples: 5 })), '`statistic` must be a function, got an object'],
      [() => bootstrap(wrong(perImage.toJSON())), '`perImage` must be a PerImageScores, got an object'],
      [
        () => worstImages([{ name: 'a', meanIou: 1 }], -1),
        '`count` must be an integer of at least 0, got -1.',
      ],
      [() => worstImages(wrong(undefined), 1), '`images` must be a list of images, got undefined.'],
      [() => perImage.add('a', wrong({})), '`confusion` must be a ConfusionMatrix, got an object'],
      [() => confusionSvg(wrong({})), '`matrix` must be a ConfusionMatrix, got an object of type Object.'],
      [() => mmsegResults(wrong({})), '`matrix` must be a ConfusionMatrix'],
      [() => huggingFaceResults(wrong(undefined)), '`matrix` must be a ConfusionMatrix, got undefined.'],
      [() => cityscapesResults(wrong(null)), '`matrix` must be a ConfusionMatrix, got null.'],
    ]
    for (const report of [evaluationReportHtml, metricsReportHtml]) {
      actions
        .concat([
          [() => report(wrong({ title: 'a', confusion: {} })), '`confusion` must be a ConfusionMatrix'],
          [() => report(wrong(undefined)), '`options` must be an object with `title` and `confusion`'],
          [
            () => report(wrong({ confusion: new ConfusionMatrix() })),
            '`title` must be a string, got undefined.',
          ],
        ])
        .forEach(([action, message]) => {
          const error = errorOf(action)
          expect(error.code).toBe('invalid-argument')
          expect(error.message).toContain(message)
        })
    }
  })
})

describe('counts that no data set has', () => {
  const state = (cell: number) => {
    const matrix = new ConfusionMatrix({ numClasses: 2 })
    const json = matrix.toJSON()
    return {
      ...json,
      counts: [
        [cell, 0],
        [0, 0],
      ],
    }
  }

  it('are damaged states', () => {
    for (const cell of [2 ** 53, 2 ** 53 - 1, 2 ** 51 + 1]) {
      expect(errorOf(() => ConfusionMatrix.fromJSON(state(cell)))).toMatchObject({ code: 'unreadable' })
    }
    const boundary = { ...new BoundaryF({ numClasses: 1 }).toJSON(), images: 2 ** 53 - 1 }
    expect(errorOf(() => BoundaryF.fromJSON(boundary))).toMatchObject({ code: 'unreadable' })
    const perImage = new PerImageScores({ numClasses: 1 }).toJSON()
    const images = ['a', 'b'].map((name) => ({ name, tp: [2 ** 50], fp: [2 ** 50], fn: [1] }))
    expect(errorOf(() => PerImageScores.fromJSON({ ...perImage, images }))).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('the counts of images add up to more than'),
    })
  })

  it('are not reached by merging', () => {
    const [most, one] = [ConfusionMatrix.fromJSON(state(2 ** 51)), ConfusionMatrix.fromJSON(state(1))]
    for (const other of [one, most]) {
      expect(errorOf(() => most.merge(other))).toEqual({
        code: 'invalid-argument',
        message: `The counts add up to more than ${2 ** 51}.`,
      })
    }
    expect(most.counts[0]).toBe(2 ** 51)
  })
})
