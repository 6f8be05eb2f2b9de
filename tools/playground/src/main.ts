import { setBusy } from './busy.js'
import { Checkpoints } from './checkpoints.js'
import { demoCheckpoint } from './demo.js'
import { find } from './dom.js'
import { acceptDrops } from './drop.js'
import { fileChoice, firstDemo, type ImageChoice, markDemo, offerImages } from './image-sources.js'
import { Legend } from './legend.js'
import { LiveCamera } from './live-camera.js'
import { openPhoto } from './photo.js'
import { clearProblem, showProblem } from './problem.js'
import { offerFiles } from './save.js'
import { sceneOf } from './scene.js'
import { PercentSlider } from './sliders.js'
import { Stage } from './stage.js'
import { showTimes } from './times.js'
import { offerViews, onViewChange } from './views.js'
import { followWipe, wipe } from './wipe.js'
import { type Result, type Table, Workbench } from './workbench.js'

const maxSide = find('#max-side', HTMLSelectElement)
const imageProblem = find('#image-problem', HTMLElement)
const status = find('#status', HTMLElement)
const photoCanvas = find('#photo', HTMLCanvasElement)

const stage = new Stage()
const opacity = new PercentSlider('opacity', repaint)
const threshold = new PercentSlider('threshold', repaint)
/** Images per second while the camera runs. */
let rate: number | undefined
let live = false
let highlight: number | undefined

const workbench = new Workbench({
  async show(table) {
    checkpoints.show(table.networks)
    offerViews(table.networks)
    await paint(table)
    describe(table)
  },
  busy(running) {
    // Between frames of the camera, the notice would only flicker.
    setBusy('Segmenting…', running && !live)
  },
})
const checkpoints = new Checkpoints(workbench)
const legend = new Legend((index) => {
  highlight = index
  repaint()
})

async function paint(table: Table): Promise<void> {
  const scene = sceneOf(table, { opacity: opacity.share, threshold: threshold.share, highlight })
  if (scene) await stage.show(scene)
}

function repaint(): void {
  void paint(workbench.table)
}

/** Describes in text and numbers what is shown. */
function describe(table: Table): void {
  const { photo } = table
  const results = table.results.filter((result): result is Result => result !== undefined)
  markDemo(photo?.name)
  if (!photo || results.length === 0) return
  const found = `${photo.name}: ${legend.show(results, live)}.`
  photoCanvas.setAttribute('aria-label', found)
  if (!live) status.textContent = found
  showTimes(table, stage.painted, rate)
  offerFiles(table, () => stage.snapshot(wipe()))
}

/** Opens an image. Errors are shown next to its control, and the previous image stays. */
async function open({ name, file }: ImageChoice): Promise<void> {
  camera.stop()
  clearProblem(imageProblem)
  try {
    await workbench.change({ photo: await openPhoto(await file(), name, Number(maxSide.value)) })
  } catch (error) {
    showProblem(imageProblem, error)
  }
}

const camera = new LiveCamera({
  maxSide: () => Number(maxSide.value),
  onStart() {
    live = true
    status.textContent = 'The camera is on.'
  },
  onFrame(photo, perSecond) {
    rate = perSecond
    return workbench.change({ photo })
  },
  onStop() {
    live = false
    rate = undefined
    status.textContent = 'The camera is off.'
  },
})

maxSide.addEventListener('change', () => {
  const { photo } = workbench.table
  if (photo?.file) void open({ name: photo.name, file: async () => photo.file as Blob })
})
onViewChange(repaint)
followWipe()
offerImages(open)
acceptDrops({
  onImage: (file) => open(fileChoice(file)),
  onCheckpoint: (file, target) =>
    checkpoints.load(checkpoints.slotOf(target), { name: file.name, checkpoint: file }),
})
void open(firstDemo)
void checkpoints.load(0, demoCheckpoint)
