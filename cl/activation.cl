/* SPDX-License-Identifier: MIT */
/* activation.cl: one group per sample. */
kernel BY_SAMPLE void act_bwd(CLF_IN(y), CLF_IN(dy), CLF_OUT(dx), const act_bwd_args p) {
  FOR_SAMPLE(y) {
    UNPACK(y);
    const float y = AT(y, n, c, h, w), dy = AT(dy, n, c, h, w);
    AT(dx, n, c, h, w) = p.act == 1 ? dy * (1 - y * y) : p.act == 2 && y <= 0 ? 0 : dy;
  }
}
