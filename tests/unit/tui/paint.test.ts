/** The thin layer: what a frame says is what OpenTUI's buffer holds, letter by letter and colour by colour. */
import { createTestRenderer } from "@opentui/core/testing";
import { TextAttributes } from "@opentui/core";
import { describe, expect, test } from "bun:test";
import { frameText, textLine, type Frame } from "../../../src/tui/line.ts";
import { Canvas } from "../../../src/tui/paint.ts";
import { themeOf, type ThemeName } from "../../../src/tui/theme.ts";
import { appOf, flowOf, processOf, snapshotOf } from "./fixtures.ts";

type Cell = {
  readonly text: string;
  readonly foreground: number;
  readonly background: number;
  readonly attributes: number;
};

/** Paints one frame; gives the characters, and the looks of the span that holds a text. */
async function painted(frame: Frame, theme: ThemeName) {
  const setup = await createTestRenderer({ width: frame.width, height: frame.height });
  try {
    const canvas = new Canvas(setup.renderer, () => frame);
    canvas.theme = themeOf(theme);
    setup.renderer.root.add(canvas);
    await setup.renderOnce();
    const spans = setup.captureSpans().lines.flatMap((line) => line.spans);
    return {
      screen: setup.captureCharFrame(),
      cell: (text: string): Cell | undefined => {
        const span = spans.find((each) => each.text.includes(text));
        return (
          span && {
            text: span.text,
            foreground: span.fg.slot,
            background: span.bg.slot,
            attributes: span.attributes,
          }
        );
      },
    };
  } finally {
    setup.renderer.destroy();
  }
}

const flows = [
  flowOf("a", { process: processOf("漢字🚀", 1), receiveBytesPerSecond: 2048 }),
  flowOf("b", { process: processOf("plain", 2), receiveBytesPerSecond: 1024 }),
  flowOf("c", { process: processOf("over", 3), closed: true }),
];

describe("a painted frame", () => {
  test("has the letters of the frame, wide ones too", async () => {
    for (const [width, height] of [
      [60, 15],
      [80, 24],
      [200, 50],
    ] as const) {
      const frame = appOf(snapshotOf(flows), {}, [width, height]).frame();
      const { screen } = await painted(frame, "dark");
      expect(
        screen
          .split("\n")
          .slice(0, height)
          .map((line) => line.trimEnd()),
      ).toEqual(frameText(frame).map((line) => line.trimEnd()));
    }
  });

  test("has the theme's colours", async () => {
    const frame = appOf(snapshotOf(flows)).frame();
    const dark = await painted(frame, "dark");
    expect(dark.cell("SEND/s")?.background).toBe(235);
    expect(dark.cell("漢字🚀")?.background).toBe(237);
    expect(dark.cell("over")?.foreground).toBe(246);
    const light = await painted(frame, "light");
    expect(light.cell("漢字🚀")?.background).toBe(195);
  });

  test("has no colour but attributes with NO_COLOR", async () => {
    const { cell } = await painted(appOf(snapshotOf(flows)).frame(), "none");
    expect(cell("漢字🚀")?.attributes).toBe(TextAttributes.INVERSE);
    expect(cell("over")?.attributes).toBe(TextAttributes.DIM);
  });

  test("never ends a line in attributes: OpenTUI would carry them to the next change", async () => {
    const lines = [textLine("chosen", "text", 10, "selected"), textLine("after", "text", 10)];
    const setup = await createTestRenderer({ width: 10, height: 2 });
    const canvas = new Canvas(setup.renderer, () => ({
      width: 10,
      height: 2,
      lines,
      zones: [],
      cursor: undefined,
    }));
    setup.renderer.root.add(canvas);
    await setup.renderOnce();
    const last = setup.captureSpans().lines[0]?.spans.at(-1);
    expect([last?.text, last?.attributes]).toEqual([" ", 0]);
    setup.renderer.destroy();
  });
});
