import { escapeText } from './format.js'

/** A section of a page, linked from its navigation. */
export interface Section {
  /** The heading's anchor. */
  readonly id: string
  readonly heading: string
  readonly html: string
}

export const section = (id: string, heading: string, content: string): Section => ({
  id,
  heading,
  html: `<section aria-labelledby="${id}">\n<h2 id="${id}">${heading}</h2>\n${content}\n</section>`,
})

export interface PageOptions {
  /** Plain text. */
  readonly title: string
  /** CSS. */
  readonly style: string
  /** HTML between the heading and the sections. */
  readonly intro: string
  /** Entries that are false or undefined are omitted. */
  readonly sections: readonly (Section | false | undefined)[]
  /** Seconds after which browsers load the page again; without it, they do not. */
  readonly refresh?: number
}

/** Renders a static page without scripts: heading, navigation, introduction and sections. */
export function page({ title, style, intro, sections, refresh }: PageOptions): string {
  const parts = sections.filter((part) => part !== false && part !== undefined)
  const heading = escapeText(title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">${refresh === undefined ? '' : `\n<meta http-equiv="refresh" content="${refresh}">`}
<title>${heading}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${heading}</h1>
<nav aria-label="Sections"><ul>${parts.map((part) => `<li><a href="#${part.id}">${part.heading}</a></li>`).join('')}</ul></nav>
</header>
<main>
${intro}
${parts.map(({ html }) => html).join('\n')}
</main>
</body>
</html>
`
}
