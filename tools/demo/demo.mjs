// Evaluates the bundled checkpoint on the bundled scenes through the command line.
import { fileURLToPath } from 'node:url'
import { run } from '../../packages/cli/dist/index.js'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const out = path('../../demo-output')

const exitCode = await run([
  ...['eval', '--checkpoint', path('../../checkpoints/hrnet16-slim-demo.pth'), '--data', path('cityscapes')],
  ...['--edge-head', '--compare-edge-head', '--out', out],
])
if (exitCode === 0) {
  console.log(`
The scenes are drawn, and the checkpoint was trained on drawn scenes only. The scores say nothing about Cityscapes.
To see the pictures, open ${out}/index.html in a browser.`)
}
process.exitCode = exitCode
