import { expect, test } from 'vitest'
import { visible, visibleJson, visibleLine } from '../src/visible.js'

test.each([
  ['plain text, ünïcode, עברית, 日本語, 🙂', 'plain text, ünïcode, עברית, 日本語, 🙂'],
  ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m'],
  ['a\rb\0c\u0007d\u007fe', 'a\\rb\\x00c\\x07d\\x7fe'],
  ['C1 \u0085 \u009b2J \u009d', 'C1 \\x85 \\x9b2J \\x9d'],
  [
    'bidi \u200e\u200f\u061c\u202a\u202e\u2066\u2069',
    'bidi \\u200e\\u200f\\u061c\\u202a\\u202e\\u2066\\u2069',
  ],
  ['zero \u200b\u200c\u200d\u2060\ufeff\u00ad', 'zero \\u200b\\u200c\\u200d\\u2060\\ufeff\\xad'],
  ['lines \u2028\u2029', 'lines \\u2028\\u2029'],
  ['tags \u{e0041} fillers \u3164\u115f', 'tags \\u{e0041} fillers \\u3164\\u115f'],
  ['half \ud800 of a character', 'half \\ud800 of a character'],
])('makes %j visible', (text, shown) => {
  expect(visible(text)).toBe(shown)
  expect(visibleLine(text)).toBe(shown)
})

test('keeps tabs and line ends, except within a line', () => {
  expect(visible('a\tb\nc')).toBe('a\tb\nc')
  expect(visibleLine('a\tb\nc')).toBe('a\\tb\\nc')
})

test('JSON has the same value without hidden characters', () => {
  const value = { '\u009b\u202e': ['\u001b[2J\n\r\0', '\u{e0041}\ufeff\ud800', 'é🙂'] }
  const json = visibleJson(value, 2)
  expect(visible(json)).toBe(json)
  expect(JSON.parse(json)).toEqual(value)
})
