import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  Calibration,
  ConfusionMatrix,
  classNames,
  type MetricsReportOptions,
  metricsReportHtml,
  PerImageScores,
  PixelLevelEvaluation,
} from '../../src/index.js'
import { imageOf } from '../metrics/images.js'
import { goldenMetrics } from './golden-metrics.js'
import { elements, expectReadable, expectStatic, tableOf, textOf } from './markup.js'

interface OfficialJson {
  readonly averageScoreClasses: number
  readonly averageScoreInstCategories: number
  readonly classScores: Record<string, number | null>
  readonly classInstScores: Record<string, number | null>
  readonly categoryScores: Record<string, number | null>
}

const official: OfficialJson = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/official.json', import.meta.url), 'utf8').replaceAll(
    'NaN',
    'null',
  ),
)
const text = (fraction: number | null): string =>
  fraction === null || Number.isNaN(fraction) ? '–' : (fraction * 100).toFixed(2)
const headings = (html: string): (string | undefined)[] =>
  elements(html).flatMap(({ name, attributes }) => (name === 'h2' ? [attributes.get('id')] : []))
const hostile = '<b title="x">&\'</b>'

let golden: Awaited<ReturnType<typeof goldenMetrics>>
let html: string

beforeAll(async () => {
  golden = await goldenMetrics()
  html = metricsReportHtml(golden)
})

describe('metricsReportHtml', () => {
  it('is well-formed, self-contained and accessible, without scripts', () => {
    expectStatic(html)
    expectReadable(html)
  })

  it('has a section for each given metric', () => {
    expect(headings(html)).toEqual([
      'run',
      'classes',
      'categories',
      'confusion',
      'boundaries',
      'trimap',
      'surfaces',
      'calibration',
      'per-image',
      'images',
    ])
    const { title, confusion, boundaryIou } = golden
    expect(headings(metricsReportHtml({ title, confusion }))).toEqual(['classes', 'confusion'])
    const page = metricsReportHtml({ title, confusion, boundaryIou })
    expect(headings(page)).toEqual(['classes', 'confusion', 'boundaries'])
    expect(() => tableOf(page, 'Boundary F by tolerance')).toThrow('no table')
  })

  it('writes a dash for NaN', () => {
    expect(textOf(html)).not.toMatch(/NaN|undefined|Infinity|null/)
    expect(html).not.toMatch(/="[^"]*(NaN|undefined|Infinity)/)
    expect(tableOf(html, 'Scores by class')[13].slice(0, 8)).toEqual(['rider', '12', ...Array(6).fill('–')])
  })

  it('names every class once per table', () => {
    for (const label of ['Scores by class', 'Boundary scores by class', 'Surface distances by class']) {
      const names = tableOf(html, label).map(([name]) => name)
      expect(names.slice(1, 20)).toEqual(classNames)
      expect(names.filter((name) => classNames.includes(name))).toHaveLength(19)
    }
  })

  it('has the scores of the official script', () => {
    const rows = tableOf(html, 'Scores by class')
    expect(rows[0].slice(2, 4)).toEqual(['IoU, %', 'iIoU, %'])
    classNames.forEach((name, c) => {
      expect(rows[c + 1].slice(2, 4)).toEqual([
        text(official.classScores[name]!),
        text(official.classInstScores[name]!),
      ])
    })
    expect(rows.at(-1)![2]).toBe(text(official.averageScoreClasses))
    const categories = tableOf(html, 'Scores by category').slice(1, -1)
    expect(categories).toHaveLength(7)
    for (const [name, iou] of categories) expect(iou).toBe(text(official.categoryScores[name]!))
    const { low, high } = golden.interval
    expect(textOf(html)).toContain(
      `official mean IoU of classes${text(official.averageScoreClasses)} % (${text(low)} to ${text(high)})`,
    )
    expect(textOf(html)).toContain(`mean iIoU of categories${text(official.averageScoreInstCategories)} %`)
  })

  it('shows the scores of the matrix without official scores, and no iIoU without instances', () => {
    const { official: _, ...others } = golden
    const page = metricsReportHtml(others)
    const { meanIou } = golden.confusion.compute()
    expect(textOf(page)).toContain(`mean IoU, 18 of 19 classes${text(meanIou)} %`)
    expect(page).not.toMatch(/iIoU|official/)

    const evaluation = new PixelLevelEvaluation({ instances: false })
    evaluation.update(imageOf(Uint8Array.of(7, 8, 8, 26), Uint8Array.of(7, 8, 7, 26)))
    const without = metricsReportHtml({ ...golden, official: evaluation.compute() })
    expect(without).not.toContain('iIoU')
    expect(tableOf(without, 'Scores by class')[1][2]).toBe('50.00')
    expect(tableOf(without, 'Scores by category')[1]).toEqual(['flat', '100.00'])
  })

  it('shows the strictest tolerance in the table of classes, and all of them below', () => {
    expect(tableOf(html, 'Scores by class')[0].slice(4, 6)).toEqual([
      'boundary F, 1\u00a0px, %',
      'Boundary IoU, 1\u00a0px, %',
    ])
    const rows = tableOf(html, 'Boundary scores by class')
    expect(rows[0].slice(1)).toEqual([
      'F, 1\u00a0px, %',
      'F, 2–3\u00a0px, %',
      'F, 5\u00a0px, %',
      'IoU, 4–6\u00a0px, %',
      'IoU, 1\u00a0px, %',
    ])
    golden.boundaryF.tolerances.forEach(({ classes }, k) => {
      expect(rows.slice(1).map((row) => row[k + 1])).toEqual(classes.map(({ f }) => text(f)))
    })
    golden.boundaryIou.ratios.forEach(({ classes }, k) => {
      expect(rows.slice(1).map((row) => row[k + 4])).toEqual(classes.map(({ iou }) => text(iou)))
    })
    expect(tableOf(html, 'Boundary F by tolerance').map((row) => row.slice(0, 2))).toEqual([
      ['tolerance', 'in pixels'],
      ['1 px', '1\u00a0px'],
      ['0.8 % of the diagonal', '2–3\u00a0px'],
      ['5 px', '5\u00a0px'],
    ])
  })

  it('has each point of the curves in the table next to it', () => {
    const bands = tableOf(html, 'Scores by width of the band').slice(1)
    expect(bands.map(([width]) => width)).toEqual(golden.trimap.bands.map(({ width }) => `${width} px`))
    for (const [width, meanIou] of bands) {
      expect(html).toContain(`<title>within ${width}: ${meanIou} %</title>`)
    }
    for (const [, pixels, f] of tableOf(html, 'Boundary F by tolerance').slice(1)) {
      expect(html).toContain(`<title>within ${pixels}: ${f} %</title>`)
    }
    const bins = tableOf(html, 'Accuracy by confidence').slice(1)
    expect(bins).toHaveLength(golden.calibration.bins.filter((bin) => bin.count > 0).length)
    for (const [, confidence, accuracy, pixels] of bins) {
      expect(html).toContain(
        `<title>confidence ${confidence} %: ${accuracy} % right of ${pixels} pixels</title>`,
      )
    }
  })

  it('draws no curve through a single point, and no empty diagram', () => {
    const { title, confusion } = golden
    const page = metricsReportHtml({
      title,
      confusion,
      trimap: { bands: golden.trimap.bands.slice(0, 1) },
      calibration: new Calibration().compute(),
    })
    expect(page).not.toContain('class="chart"')
    expect(tableOf(page, 'Scores by width of the band')).toHaveLength(2)
    expect(page).toContain('No pixel has a confidence.')
  })

  it('has surface distances by class with their means and totals', () => {
    const rows = tableOf(html, 'Surface distances by class')
    const { surface } = golden
    expect(rows[0]).toHaveLength(13)
    expect(rows[1][1]).toBe(surface.classes[0].hausdorff.toFixed(2))
    expect(rows[1][6]).toBe(text(surface.classes[0].surfaceDice[0]))
    expect(rows.at(-1)!.slice(0, 2)).toEqual(['mean, total', surface.hausdorff.toFixed(2)])
    expect(rows.at(-1)!.slice(-2)).toEqual([String(surface.missed), String(surface.spurious)])
  })

  it('counts every image once and lists the worst first, with links to their panels', () => {
    const { images } = golden.perImage
    const section = html.split('id="per-image"')[1].split('</section>')[0]
    const counts = [...section.matchAll(/<title>\d+ to \d+ %: (\d+) images?<\/title>/g)].map(([, n]) =>
      Number(n),
    )
    expect(counts.reduce((total, n) => total + n)).toBe(images.length)
    const worst = [...images].sort((a, b) => a.meanIou - b.meanIou)
    const rows = tableOf(html, 'Images of lowest mean IoU').slice(1)
    expect(rows.map(([name, meanIou]) => [name, meanIou])).toEqual(
      worst.map(({ name, meanIou }) => [name, text(meanIou)]),
    )
    golden.images.forEach(({ name }, i) => {
      expect(html).toContain(`<a href="#image-${i + 1}">${name}</a>`)
      expect(html).toContain(`<h3 id="image-${i + 1}">${name}</h3>`)
    })
    expect(section.match(/href/g)).toHaveLength(2)
  })

  it('counts a perfect image in the last bar', () => {
    const perImage = new PerImageScores()
    perImage.update({ ...imageOf(Uint8Array.of(0, 1), Uint8Array.of(0, 1)), name: 'perfect' })
    perImage.update({ ...imageOf(Uint8Array.of(255), Uint8Array.of(0)), name: 'void' })
    const page = metricsReportHtml({ ...golden, perImage: perImage.compute() })
    expect(page.match(/\d+ to \d+ %: \d+ image/g)).toEqual(['95 to 100 %: 1 image', '95 to 100 %: 1 image'])
    expect(tableOf(page, 'Images of lowest mean IoU').map(([name]) => name)).toEqual([
      'worst images',
      'perfect',
    ])
  })

  it('shows the score of each image', () => {
    const [first] = golden.images
    const { meanIou } = golden.perImage.images.find(({ name }) => name === first.name)!
    expect(html).toContain(`${first.name}</h3><span class="soft">mean IoU ${text(meanIou)} %</span>`)
    const own = metricsReportHtml({ ...golden, images: [{ ...first, meanIou: 0.125 }] })
    expect(own).toContain('mean IoU 12.50 %')
    const { perImage: _, ...others } = golden
    expect(metricsReportHtml(others)).toContain('mean IoU –</span>')
  })

  it('shows the images without counted pixels', () => {
    const page = metricsReportHtml({ ...golden, confusion: new ConfusionMatrix() })
    expect(page).toContain('No pixel was scored.')
    expect(headings(page)).toEqual(['run', 'images'])
  })

  it('escapes every text', () => {
    const { perImage } = golden
    const page = metricsReportHtml({
      ...golden,
      title: hostile,
      classNames: Array.from({ length: 19 }, () => hostile),
      facts: [[hostile, hostile]],
      perImage: { ...perImage, images: perImage.images.map((image) => ({ ...image, name: hostile })) },
      images: [{ name: hostile, panels: [{ title: hostile, src: `${hostile}.png` }] }],
    })
    expect(elements(page).some(({ name }) => name === 'b')).toBe(false)
    expect(page).not.toContain('<b title')
    expectStatic(page)
  })

  it('supports other classes than Cityscapes', () => {
    const confusion = new ConfusionMatrix({ numClasses: 2 })
    confusion.update(imageOf(Uint8Array.of(0, 0, 1, 1), Uint8Array.of(0, 1, 1, 1)))
    const options = { title: 't', confusion, classNames: ['cat', 'dog'], palette: [] }
    const page = metricsReportHtml(options)
    expect(tableOf(page, 'Scores by class').map((row) => row.slice(0, 3))).toEqual([
      ['class', 'id', 'IoU, %'],
      ['cat', '0', '50.00'],
      ['dog', '1', '66.67'],
      ['mean', '', '58.33'],
    ])
    expect(page).not.toContain('class="swatch"')
    expect(() => metricsReportHtml({ ...options, classNames: undefined })).toThrow(
      '`classNames` must have 2 elements, one name per class, got 19.',
    )
  })

  it('rejects scores with other classes, and images with absolute URLs', () => {
    const confusion = new ConfusionMatrix({ numClasses: 2 })
    const keys = ['official', 'perImage', 'boundaryF', 'boundaryIou', 'trimap', 'surface'] as const
    for (const key of keys) {
      const options: MetricsReportOptions = {
        title: 't',
        confusion,
        classNames: ['a', 'b'],
        [key]: golden[key],
      }
      expect(() => metricsReportHtml(options)).toThrow(
        /^The .+ have 19 classes, the confusion matrix has 2\.$/,
      )
    }
    const images = [{ name: 'a', panels: [{ title: 'truth', src: 'https://x.y/z.png' }] }]
    expect(() => metricsReportHtml({ ...golden, images })).toThrow(
      'The URL of the panel "truth" must be relative, got https://x.y/z.png.',
    )
  })
})
