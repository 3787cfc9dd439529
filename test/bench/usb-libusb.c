/*
 * The reference for udrv's transfers: libusb's asynchronous interface, with as many transfers in flight.
 *
 *   usb-libusb BUS DEVICE bulk ENDPOINT SIZE QUEUE SECONDS    bytes per second, in memory of the program
 *   usb-libusb BUS DEVICE lent ENDPOINT SIZE QUEUE SECONDS    the same in memory that usbfs lends
 *   usb-libusb BUS DEVICE control COUNT                       p50 of the round trip, in microseconds
 */
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what, int code) {
  fprintf(stderr, "%s: %s\n", what, libusb_error_name(code));
  exit(1);
}

static double end, last;
static long long bytes;
static int in_flight;

static void LIBUSB_CALL done(struct libusb_transfer *transfer) {
  if (transfer->status != LIBUSB_TRANSFER_COMPLETED) fail("transfer", transfer->status);
  last = now();
  bytes += transfer->actual_length;
  in_flight--;
  if (last >= end) return;
  int code = libusb_submit_transfer(transfer);
  if (code < 0) fail("submit", code);
  in_flight++;
}

static void bulk(libusb_device_handle *handle, int lent, int endpoint, int size, int queue, double seconds) {
  int code = libusb_claim_interface(handle, 0);
  if (code < 0) fail("claim", code);
  double begin = now();
  end = begin + seconds;
  for (int i = 0; i < queue; i++) {
    struct libusb_transfer *transfer = libusb_alloc_transfer(0);
    unsigned char *buffer = lent ? libusb_dev_mem_alloc(handle, size) : calloc(1, size);
    if (buffer == NULL) fail("memory", LIBUSB_ERROR_NO_MEM);
    libusb_fill_bulk_transfer(transfer, handle, endpoint, buffer, size, done, NULL, 2000);
    code = libusb_submit_transfer(transfer);
    if (code < 0) fail("submit", code);
    in_flight++;
  }
  while (in_flight > 0) libusb_handle_events(NULL);
  printf("%.0f\n", bytes / (last - begin));
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void control(libusb_device_handle *handle, int count) {
  double *latencies = calloc(count, sizeof *latencies);
  unsigned char descriptor[18];
  for (int i = 0; i < count; i++) {
    double start = now();
    int code = libusb_control_transfer(handle, 0x80, 6, 0x0100, 0, descriptor, sizeof descriptor, 2000);
    if (code != sizeof descriptor) fail("control", code);
    latencies[i] = now() - start;
  }
  qsort(latencies, count, sizeof *latencies, ascending);
  printf("%.1f\n", latencies[count / 2] * 1e6);
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  int code = libusb_init(NULL);
  if (code < 0) fail("init", code);
  libusb_device **list;
  libusb_device_handle *handle = NULL;
  for (ssize_t i = libusb_get_device_list(NULL, &list) - 1; i >= 0; i--)
    if (libusb_get_bus_number(list[i]) == atoi(argv[1]) && libusb_get_device_address(list[i]) == atoi(argv[2])) {
      code = libusb_open(list[i], &handle);
      if (code < 0) fail("open", code);
    }
  if (handle == NULL) fail("device", LIBUSB_ERROR_NO_DEVICE);
  int lent = strcmp(argv[3], "lent") == 0;
  if ((lent || strcmp(argv[3], "bulk") == 0) && argc == 8)
    bulk(handle, lent, strtol(argv[4], NULL, 0), atoi(argv[5]), atoi(argv[6]), atof(argv[7]));
  else if (strcmp(argv[3], "control") == 0)
    control(handle, atoi(argv[4]));
  else
    return 2;
  return 0;
}
