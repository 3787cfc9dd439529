// The reference for udrv's e1000e figures, as a C program does it: the same rings, buffers and batches over VFIO.
//   e1000e loop BATCH SECONDS A B              packets a second from port A to port B, which a cable connects
//   e1000e forward BATCH SECONDS A B           passes packets on between two ports, both ways, by the same buffers
//   e1000e load RATE SECONDS A B               sends at a rate from A, and prints how long they took to B: p50, p99,
//                                              p99.99 in microseconds, and packets that were sent and that came
//   e1000e check WINDOW SECONDS A B            has so many numbered packets under way from A to B, a multiple of 32; prints
//                                              how many were sent, came, came behind a later one, were damaged
// Ports are PCI addresses, each with the path of its group: 0000:00:0d.0=/dev/vfio/12
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	CTRL = 0x0000, STATUS = 0x0008, CTRL_EXT = 0x0018, ICR = 0x00c0, ITR = 0x00c4, IMC = 0x00d8, RCTL = 0x0100,
	TCTL = 0x0400, TIPG = 0x0410, RECEIVE = 0x2800, TRANSMIT = 0x3800, RXCSUM = 0x5000, RFCTL = 0x5008, MRQC = 0x5818,
	BASE_LOW = 0x00, BASE_HIGH = 0x04, LENGTH = 0x08, HEAD = 0x10, TAIL = 0x18, DELAY = 0x20, CONTROL = 0x28,
	ABSOLUTE_DELAY = 0x2c,
	ENTRIES = 512, BUFFERS = 2048, SIZE = 2048, MOST = 64, PACKET = 64,
	DONE = 1, EOP = 1 << 24, INSERT_CRC = 1 << 25, REPORT_STATUS = 1 << 27,
};
static const uint64_t IOVA = 0x100000;

struct descriptor {
	uint64_t address;
	uint32_t length, status;
};

struct ring {
	volatile struct descriptor *entries;
	volatile uint32_t *doorbell;
	uint16_t buffers[ENTRIES], ends[ENTRIES];
	// The oldest entry that the device has, the next one for it, the first of the batch that is being filled.
	unsigned head, tail, batch;
};

struct port {
	int device;
	volatile uint8_t *registers;
	struct ring rx, tx;
};

struct batch {
	unsigned count, size;
	uint16_t buffers[MOST], lengths[MOST];
};

static uint8_t *memory; // of the buffers, at IOVA for both ports
static uint64_t ring_iova = IOVA + (uint64_t)BUFFERS * SIZE;
static uint16_t idle[BUFFERS];
static unsigned idle_count;
static int container;
static volatile sig_atomic_t over;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static uint32_t get(struct port *port, unsigned offset)
{
	return *(volatile uint32_t *)(port->registers + offset);
}

static void set(struct port *port, unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)(port->registers + offset) = value;
}

static void *map_dma(uint64_t iova, size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(bytes != MAP_FAILED, "mmap");
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map,
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)bytes, .iova = iova, .size = size };
	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map) == 0, "MAP_DMA");
	return bytes;
}

static void make_ring(struct port *port, struct ring *ring, unsigned at)
{
	ring->entries = map_dma(ring_iova, ENTRIES * sizeof *ring->entries);
	ring->doorbell = (volatile uint32_t *)(port->registers + at + TAIL);
	set(port, at + BASE_LOW, ring_iova);
	set(port, at + BASE_HIGH, 0);
	set(port, at + LENGTH, ENTRIES * sizeof *ring->entries);
	set(port, at + HEAD, 0);
	set(port, at + TAIL, 0);
	set(port, at + DELAY, 0);
	set(port, at + ABSOLUTE_DELAY, 0);
	set(port, at + CONTROL, 1 << 16 | 1 << 24 | (at == TRANSMIT ? 1 << 22 : 0));
	ring_iova += ENTRIES * sizeof *ring->entries;
}

static unsigned next_of(unsigned entry)
{
	return (entry + 1) & (ENTRIES - 1);
}

// Gives the device a free buffer to receive into.
static int refill(struct ring *rx)
{
	if (next_of(rx->tail) == rx->head || idle_count == 0)
		return 0;
	uint16_t buffer = idle[--idle_count];
	rx->buffers[rx->tail] = buffer;
	rx->entries[rx->tail].address = IOVA + (uint64_t)buffer * SIZE;
	rx->entries[rx->tail].status = 0;
	rx->tail = next_of(rx->tail);
	return 1;
}

static unsigned receive(struct port *port, struct batch *batch)
{
	struct ring *rx = &port->rx;
	unsigned before = batch->count;
	while (batch->count < batch->size && idle_count > 0 && (rx->entries[rx->head].status & DONE)) {
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		batch->buffers[batch->count] = rx->buffers[rx->head];
		batch->lengths[batch->count++] = rx->entries[rx->head].length & 0xffff;
		rx->head = next_of(rx->head);
		refill(rx);
	}
	if (batch->count > before) {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		*rx->doorbell = rx->tail;
	}
	return batch->count - before;
}

// Makes the buffers of packets that were sent free; the last entry of each batch tells.
static void reclaim(struct ring *tx)
{
	while (tx->head != tx->batch) {
		unsigned end = tx->ends[tx->head];
		if (!(tx->entries[end].status & DONE))
			return;
		for (end = next_of(end); tx->head != end; tx->head = next_of(tx->head))
			idle[idle_count++] = tx->buffers[tx->head];
	}
}

static unsigned send_batch(struct port *port, struct batch *batch)
{
	struct ring *tx = &port->tx;
	unsigned sent = 0, last = 0;
	reclaim(tx);
	for (; sent < batch->count && next_of(tx->tail) != tx->head; sent++) {
		last = tx->tail;
		tx->buffers[last] = batch->buffers[sent];
		tx->entries[last].address = IOVA + (uint64_t)batch->buffers[sent] * SIZE;
		tx->entries[last].length = batch->lengths[sent] | EOP | INSERT_CRC;
		tx->entries[last].status = 0;
		tx->tail = next_of(last);
	}
	if (sent == 0)
		return 0;
	tx->entries[last].length |= REPORT_STATUS;
	tx->ends[tx->batch] = last;
	tx->batch = tx->tail;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*tx->doorbell = tx->tail;
	batch->count -= sent;
	memmove(batch->buffers, batch->buffers + sent, batch->count * sizeof *batch->buffers);
	memmove(batch->lengths, batch->lengths + sent, batch->count * sizeof *batch->lengths);
	return sent;
}

static void take(struct batch *batch)
{
	while (batch->count < batch->size && idle_count > 0) {
		batch->buffers[batch->count] = idle[--idle_count];
		batch->lengths[batch->count++] = PACKET;
	}
}

static void give(struct batch *batch)
{
	while (batch->count > 0)
		idle[idle_count++] = batch->buffers[--batch->count];
}

static void open_device(struct port *port, char *name)
{
	char *path = strchr(name, '=');
	must(path != NULL, name);
	*path++ = 0;
	int group = open(path, O_RDWR | O_CLOEXEC);
	must(group >= 0, path);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0, "SET_CONTAINER");
	// Once for the container, which has both ports.
	if (memory == NULL) {
		must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0, "SET_IOMMU");
		memory = map_dma(IOVA, (size_t)BUFFERS * SIZE);
		for (idle_count = 0; idle_count < BUFFERS; idle_count++)
			idle[idle_count] = idle_count;
	}
	port->device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	must(port->device >= 0, name);
}

static void set_bus_master(struct port *port, int on)
{
	struct vfio_region_info config = { .argsz = sizeof config, .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;
	must(ioctl(port->device, VFIO_DEVICE_GET_REGION_INFO, &config) == 0, "GET_REGION_INFO");
	must(pread(port->device, &command, 2, config.offset + 4) == 2, "command");
	command = on ? command | 4 : command & ~4;
	must(pwrite(port->device, &command, 2, config.offset + 4) == 2, "command");
}

static void quieten(struct port *port)
{
	set(port, IMC, 0xffffffff);
	set(port, RCTL, 0);
	set(port, TCTL, 0);
	set(port, CTRL, get(port, CTRL) | 1 << 2);
	for (int i = 0; get(port, STATUS) & 1 << 19; i++) {
		must(i < 1000, "the device does not stop");
		usleep(1000);
	}
}

static void start(struct port *port, char *name)
{
	open_device(port, name);
	struct vfio_region_info bar = { .argsz = sizeof bar, .index = VFIO_PCI_BAR0_REGION_INDEX };
	must(ioctl(port->device, VFIO_DEVICE_GET_REGION_INFO, &bar) == 0, "GET_REGION_INFO");
	port->registers = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, port->device, bar.offset);
	must(port->registers != MAP_FAILED, "mmap");
	quieten(port);
	set(port, CTRL, get(port, CTRL) | 1 << 26);
	usleep(10000);
	set(port, IMC, 0xffffffff);
	get(port, ICR);
	set(port, CTRL, (get(port, CTRL) & ~(1 << 2 | 3 << 11 | 1 << 30)) | 1 << 6);
	set(port, RFCTL, 0);
	set(port, MRQC, 0);
	set(port, RXCSUM, 0);
	set(port, ITR, 0);
	set(port, CTRL_EXT, 0);
	set(port, TIPG, 8 | 8 << 10 | 6 << 20);
	make_ring(port, &port->rx, RECEIVE);
	make_ring(port, &port->tx, TRANSMIT);
	set_bus_master(port, 1);
	set(port, TCTL, 1 << 1 | 1 << 3 | 15 << 4 | 0x40 << 12);
	// All addresses, broadcast, without the CRC.
	set(port, RCTL, 1 << 1 | 3 << 3 | 1 << 15 | 1 << 26);
	while (refill(&port->rx))
		;
	*port->rx.doorbell = port->rx.tail;
	for (int i = 0; !(get(port, STATUS) & 1 << 1); i++) {
		must(i < 10000, "no link");
		usleep(1000);
	}
}

static void stop(struct port *port)
{
	quieten(port);
	set_bus_master(port, 0);
}

static void fill(uint16_t buffer)
{
	memset(memory + (size_t)buffer * SIZE, 0xff, 12);
	memcpy(memory + (size_t)buffer * SIZE + 12, "\x88\xb5", 2);
}

static void loop(struct port *ports, unsigned size, double end)
{
	struct batch out = { .size = size }, in = { .size = size };
	uint64_t received = 0;
	double begin = now(), last = begin;
	while (last < end && !over) {
		for (int i = 0; i < 64; i++) {
			unsigned before = out.count;
			take(&out);
			for (unsigned k = before; k < out.count; k++)
				fill(out.buffers[k]);
			send_batch(&ports[0], &out);
			received += receive(&ports[1], &in);
			give(&in);
		}
		last = now();
	}
	printf("%.0f\n", received / (last - begin) * 1e6);
}

static void forward(struct port *ports, unsigned size, double end)
{
	struct batch batch = { .size = size };
	puts("ready");
	fflush(stdout);
	while (!over && now() < end)
		for (int i = 0; i < 64; i++)
			for (int from = 0; from < 2; from++) {
				receive(&ports[from], &batch);
				send_batch(&ports[1 - from], &batch);
				give(&batch);
			}
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

// Each packet has the time at which it was to be sent: one that was late because others were counts from then.
static void load(struct port *ports, unsigned rate, double end)
{
	struct batch out = { .size = 1 }, in = { .size = 32 };
	double begin = now(), gap = 1e6 / rate;
	uint64_t most = (end - begin) / gap, sent = 0, received = 0;
	float *latencies = malloc((most + 1) * sizeof *latencies);
	must(latencies != NULL, "malloc");
	// What is under way at the end has a second.
	for (double time = begin; !over && received < most && time < end + 1e6; time = now()) {
		double due = begin + sent * gap;
		if (sent < most && time >= due) {
			take(&out);
			fill(out.buffers[0]);
			memcpy(memory + (size_t)out.buffers[0] * SIZE + 16, &due, sizeof due);
			sent += send_batch(&ports[0], &out);
		}
		receive(&ports[1], &in);
		time = now();
		for (unsigned i = 0; i < in.count && received < most; i++) {
			memcpy(&due, memory + (size_t)in.buffers[i] * SIZE + 16, sizeof due);
			latencies[received++] = time - due;
		}
		give(&in);
	}
	must(received > 0, "no packet came");
	qsort(latencies, received, sizeof *latencies, by_value);
	printf("%.1f %.1f %.1f %lu %lu\n", latencies[received / 2], latencies[(uint64_t)(received * 0.99)],
	       latencies[(uint64_t)(received * 0.9999)], (unsigned long)sent, (unsigned long)received);
}

static uint32_t content(uint32_t number, unsigned word)
{
	return (number + word) * 2654435761u;
}

// Sends as many as the window lets, receives a batch, and so on. What has not come for half a second is lost.
static void check(struct port *ports, unsigned window, double end)
{
	struct batch out = { .size = 32 }, in = { .size = 32 };
	long sent = 0, received = 0, lost = 0, late = 0, damaged = 0;
	uint32_t highest = 0;
	for (double time = now(), last = time; time < end || received + lost < sent; time = now()) {
		while (time < end && sent - received - lost + 32 <= (long)window) {
			take(&out);
			for (unsigned i = 0; i < out.count; i++) {
				uint32_t *words = (uint32_t *)(memory + (size_t)out.buffers[i] * SIZE);
				fill(out.buffers[i]);
				words[4] = sent + i;
				for (unsigned word = 5; word < PACKET / 4; word++)
					words[word] = content(sent + i, word);
			}
			sent += send_batch(&ports[0], &out);
			give(&out);
		}
		if (receive(&ports[1], &in) > 0)
			last = time;
		else if (time > last + 5e5)
			lost = sent - received;
		for (unsigned i = 0; i < in.count; i++, received++) {
			uint32_t *words = (uint32_t *)(memory + (size_t)in.buffers[i] * SIZE), number = words[4];
			unsigned word = 5;
			while (word < PACKET / 4 && words[word] == content(number, word))
				word++;
			if (word < PACKET / 4 || in.lengths[i] != PACKET)
				damaged++;
			else if (received > 0 && number <= highest)
				late++;
			else
				highest = number;
		}
		give(&in);
	}
	printf("%ld %ld %ld %ld\n", sent, received, late, damaged);
}

static void on_signal(int number)
{
	(void)number;
	over = 1;
}

int main(int argc, char **argv)
{
	static struct port ports[2];
	if (argc != 6)
		return 2;
	unsigned number = atoi(argv[2]);
	int is_batch = strcmp(argv[1], "loop") == 0 || strcmp(argv[1], "forward") == 0;
	must(number > 0 && (!is_batch || number <= MOST), "BATCH");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	must(container >= 0, "/dev/vfio/vfio");
	start(&ports[0], argv[4]);
	start(&ports[1], argv[5]);
	double end = now() + atof(argv[3]) * 1e6;
	if (strcmp(argv[1], "loop") == 0)
		loop(ports, number, end);
	else if (strcmp(argv[1], "forward") == 0)
		forward(ports, number, end);
	else if (strcmp(argv[1], "check") == 0)
		check(ports, number, end);
	else
		load(ports, number, end);
	stop(&ports[0]);
	stop(&ports[1]);
	return 0;
}
