package com.example;

import static org.junit.Assert.fail;

import java.io.File;
import java.io.IOException;
import org.junit.Ignore;
import org.junit.Test;

public class BasketTest {
  /** Fails the first time that it is called in this directory, and not again. */
  private static boolean again(String name) throws IOException {
    return !new File(name).createNewFile();
  }

  @Test
  public void total() {}

  @Test
  public void discount() throws IOException {
    if (!again("discount.ran")) fail("not yet");
  }

  @Test
  public void tax() throws IOException {
    if (!again("tax.ran")) throw new IllegalStateException("not yet");
  }

  @Test
  public void refund() {
    fail("never");
  }

  @Test
  @Ignore("later")
  public void later() {}
}
