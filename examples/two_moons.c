/* SPDX-License-Identifier: MIT */
/* two_moons.c: the lecture's training from start to end with calls of the library:
 *   two_moons [device] [model.safetensors]
 * draws two half-moons, trains the lecture's NVPNet on them, saves the model, loads
 * it again, and prints the likelihood of the data and a few samples. */
#include <clflow/clflow.h>
#include <stdio.h>

static int report(const clf_progress *p, void *context) {
  (void)context;
  if (p->epoch_done && p->epoch % 5 == 0)
    printf("epoch %3lld  mean log-likelihood %8.4f  %.0f samples/s\n", (long long)p->epoch,
           p->train, p->rate);
  return 0;
}

static clf_status train(clf_device *dev, const clf_table *data, const char *path) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, data->cols); /* hidden 2, depth 4 */
  clf_train_options options = clf_train_options_default();         /* Adam 1e-2, batch 100 */
  clf_flow *flow = NULL;
  clf_trainer *trainer = NULL;
  spec.seed = 1;
  options.epochs = 20;
  clf_status s = clf_flow_create(dev, &spec, &flow);
  if (!s) s = clf_trainer_create(flow, data, &options, &trainer);
  if (!s) s = clf_trainer_run(trainer, report, NULL);
  if (!s) s = clf_trainer_save(trainer, path);
  clf_trainer_free(trainer);
  clf_flow_free(flow);
  return s;
}

static clf_status use(clf_device *dev, const clf_table *data, const char *path) {
  clf_flow *flow = NULL;
  clf_score score;
  double x[3][2];
  clf_status s = clf_flow_load(dev, path, NULL, &flow);
  if (!s) s = clf_evaluate(flow, data->at, data->rows, &score);
  if (!s) s = clf_sample(flow, 7, 0, 3, &x[0][0]);
  if (!s) {
    printf("%s: %.4f +- %.4f nats, %.4f bits/dim\n", path, score.mean, score.std_error,
           score.bits_per_dim);
    for (int i = 0; i < 3; i++) printf("sample %d: %9.5f %9.5f\n", i, x[i][0], x[i][1]);
  }
  clf_flow_free(flow);
  return s;
}

int main(int argc, char **argv) {
  const char *path = argc > 2 ? argv[2] : "two_moons.safetensors";
  clf_device *dev = NULL;
  clf_table data = {0};
  clf_status s = clf_open(argc > 1 ? argv[1] : "auto", &dev);
  if (!s) printf("on %s\n", clf_device_name(dev));
  if (!s) s = clf_table_read("moons:n=5000,noise=0.05", &data);
  if (!s) s = train(dev, &data, path);
  if (!s) s = use(dev, &data, path);
  if (s) fprintf(stderr, "two_moons: %s: %s\n", clf_strerror(s), clf_errmsg());
  clf_table_free(&data);
  clf_close(dev);
  return s != CLF_OK;
}
