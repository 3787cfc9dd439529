// The reference for udrv's `uio bench`: trigger to wake-up on QEMU's edu behind uio_pci_generic, as a C driver does it.
// usage: uio-latency NODE CONFIG COUNT; prints the median in microseconds.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int node = open(argv[1], O_RDWR), config = open(argv[2], O_RDWR), count = atoi(argv[3]);
	double *us = calloc(count, sizeof *us);
	if (node < 0 || config < 0 || count < 1 || !us) {
		perror("open");
		return 1;
	}
	volatile uint32_t *edu = mmap(NULL, 0x100000, PROT_READ | PROT_WRITE, MAP_SHARED, node, 0);
	if (edu == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		uint16_t command;
		int32_t events;
		if (pread(config, &command, 2, 4) != 2)
			return 1;
		command &= ~0x400; // Interrupt Disable
		if (pwrite(config, &command, 2, 4) != 2)
			return 1;
		double start = now();
		edu[0x60 / 4] = 1;
		if (read(node, &events, 4) != 4)
			return 1;
		us[i] = now() - start;
		edu[0x64 / 4] = edu[0x24 / 4];
	}
	qsort(us, count, sizeof *us, by_value);
	printf("%.1f\n", us[count / 2]);
	return 0;
}
