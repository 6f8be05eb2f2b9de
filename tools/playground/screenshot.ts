/**
 * Takes the playground's picture for the README.
 *
 *     node --conditions=@inverseform/source --import tsx tools/playground/screenshot.ts [file] [width] [light|dark]
 *
 * The file is docs/figures/playground.png by default, the window 1280 pixels wide and light.
 */

import { fileURLToPath } from 'node:url'
import { writeWholeFile } from '@inverseform/shared/node'
import { launch } from '@inverseform/testing/browser'
import sharp from 'sharp'
import { openPlayground } from './test/support/playground.js'
import { buildSite, previewSite } from './test/support/site.js'

const README_PICTURE = fileURLToPath(new URL('../../docs/figures/playground.png', import.meta.url))
const [file = README_PICTURE, width = '1280', colorScheme = 'light'] = process.argv.slice(2)

await using built = await buildSite()
await using site = await previewSite(built.folder)
const browser = await launch()
try {
  const { page } = await openPlayground(browser, site.url, {
    // Ends below the controls of the picture.
    viewport: { width: Number(width), height: 724 },
    colorScheme: colorScheme === 'dark' ? 'dark' : 'light',
  })
  // A palette makes the file smaller.
  const png = await page.screenshot({ fullPage: file !== README_PICTURE })
  await writeWholeFile(
    file,
    await sharp(png).png({ palette: true, colours: 256, dither: 0, effort: 10 }).toBuffer(),
  )
  console.log(`Wrote ${file}`)
} finally {
  await browser.close()
}
