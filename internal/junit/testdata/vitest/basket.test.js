import { describe, expect, it } from 'vitest';

describe('basket', () => {
  it('holds two items', () => {});
  it('adds up', () => expect('<2> & 2').toBe(5));
  it.skip('refunds', () => {});
  it.todo('taxes');
});
