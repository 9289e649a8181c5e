/** Lists told page by page: forth and back, through empty pages, and only the newest question is answered. */
import { describe, expect, test } from "bun:test";
import { ApiError, queryOf } from "../../../../src/web/api.ts";
import { PagedList, type Fetcher } from "../../../../src/web/state/pages.ts";

/** Ten pages of three; the cursor is the number of the next. */
const tenPages: Fetcher<string> = (cursor) => {
  const page = Number(cursor ?? 0);
  const items = [0, 1, 2].map((item) => `${page}.${item}`);
  return Promise.resolve({ items, nextCursor: page === 9 ? null : String(page + 1) });
};

describe("a list", () => {
  test("goes forth, back and again, one page at a time", async () => {
    const list = new PagedList(tenPages);
    expect(list.state.value.loading).toBe("first");
    await list.reload();
    expect(list.state.value).toEqual({
      items: ["0.0", "0.1", "0.2"],
      page: 1,
      hasNext: true,
      loading: undefined,
      error: undefined,
    });
    await list.next();
    await list.next();
    await list.reload();
    expect([list.state.value.page, list.state.value.items[0]]).toEqual([3, "2.0"]);
    await list.previous();
    expect([list.state.value.page, list.state.value.items[0]]).toEqual([2, "1.0"]);
    await list.previous();
    await list.previous();
    expect([list.state.value.page, list.state.value.items[0]]).toEqual([1, "0.0"]);
  });

  test("goes through pages without a match, and back to the one that had some", async () => {
    const list = new PagedList<string>((cursor) => {
      const page = Number(cursor ?? 0);
      return Promise.resolve({ items: page % 3 === 2 ? [String(page)] : [], nextCursor: String(page + 1) });
    });
    await list.reload();
    expect(list.state.value).toMatchObject({ items: ["2"], page: 1, hasNext: true });
    await list.next();
    expect(list.state.value).toMatchObject({ items: ["5"], page: 2 });
    await list.previous();
    expect(list.state.value).toMatchObject({ items: ["2"], page: 1 });
  });

  test("drops an answer that a newer question has overtaken", async () => {
    const slow = Promise.withResolvers<{ items: string[]; nextCursor: null }>();
    const list = new PagedList<string>(() => slow.promise);
    const first = list.reload();
    const second = list.ask(() => Promise.resolve({ items: ["new"], nextCursor: null }));
    slow.resolve({ items: ["old"], nextCursor: null });
    await Promise.all([first, second]);
    expect(list.state.value.items).toEqual(["new"]);
  });

  test("loses no live change to an answer that was on its way", async () => {
    const slow = Promise.withResolvers<{ items: string[]; nextCursor: null }>();
    const list = new PagedList<string>(() => slow.promise);
    const loading = list.reload();
    list.edit((items) => (items.includes("live") ? items : ["live", ...items]));
    slow.resolve({ items: ["told"], nextCursor: null });
    await loading;
    expect(list.state.value.items).toEqual(["live", "told"]);
    await list.reload();
    expect(list.state.value.items).toEqual(["told"]);
  });

  test("keeps what it has where the parent refuses, and says why", async () => {
    const list = new PagedList(tenPages);
    await list.reload();
    const refusal = new ApiError(503, "overloaded", "too much", "later");
    await list.ask(() => Promise.reject(refusal));
    expect(list.state.value).toMatchObject({
      items: ["0.0", "0.1", "0.2"],
      error: refusal,
      loading: undefined,
    });
    await list.ask(tenPages);
    expect(list.state.value.error).toBeUndefined();
  });
});

test("a query has what is asked for, and nothing that is not", () => {
  expect(queryOf({ a: undefined, b: "", c: null })).toBe("");
  expect(queryOf({ search: "a&b=c d", running: false, limit: 50 })).toBe(
    "?search=a%26b%3Dc+d&running=false&limit=50",
  );
});
