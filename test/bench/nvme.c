// The twin of src/drivers/nvme.ts in C: an NVMe controller over VFIO, its registers by mmap, its queues polled.
//   nvme BDF GROUP SECONDS DEPTH...
// GROUP is /dev/vfio/N. Reads 4 KiB at each queue depth, and prints a line for it: reads a second, p50 and p99 in us.
// NVM Express Base Specification 2.0, sections 3.1 (registers), 3.3 (queues), 3.5 (initialization) and 5 (commands).
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CAP = 0x00, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30, DOORBELLS = 0x1000 };
enum { CC_ENABLE = 1, CC_ENTRY_SIZES = 6 << 16 | 4 << 20, CSTS_READY = 1, CSTS_FATAL = 2 };
enum { CREATE_SQ = 0x01, CREATE_CQ = 0x05, IDENTIFY = 0x06, SET_FEATURES = 0x09, READ = 0x02 };
enum { PAGE = 4096, ADMIN_ENTRIES = 32, ENTRIES = 64, SIZE = 4096, SAMPLES = 1000000, SPINS = 1000 };

struct command {
	uint32_t opcode_and_id, namespace, reserved[4];
	uint64_t prp1, prp2;
	uint32_t word10, word11, word12, more[3];
};

struct completion {
	uint32_t result, reserved, head_and_queue, id_and_status;
};

struct queue {
	struct command *submissions;
	struct completion *completions;
	volatile uint32_t *submitted, *reaped; // doorbells
	uint64_t submissions_at, completions_at;
	uint32_t depth, tail, sent, head, phase, idle_count;
	uint16_t idle[ENTRIES];
};

typedef void on_completion(uint32_t id, uint32_t status);

static int container;
static volatile uint8_t *registers;

static void must(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static volatile uint32_t *reg(uint32_t offset)
{
	return (volatile uint32_t *)(registers + offset);
}

static void write64(uint32_t offset, uint64_t value)
{
	*reg(offset) = value;
	*reg(offset + 4) = value >> 32;
}

static void *allocate(uint64_t size, uint64_t *iova)
{
	static uint64_t next = 0x100000;
	size = (size + PAGE - 1) / PAGE * PAGE;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map,
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory, .iova = next, .size = size };
	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map) == 0, "MAP_DMA");
	*iova = next;
	next += size;
	return memory;
}

static void make_queue(struct queue *queue, uint32_t id, uint32_t depth)
{
	uint32_t stride = 4 << (*reg(CAP + 4) & 0xf);
	queue->submissions = allocate(depth * sizeof(struct command), &queue->submissions_at);
	queue->completions = allocate(depth * sizeof(struct completion), &queue->completions_at);
	queue->submitted = reg(DOORBELLS + 2 * id * stride);
	queue->reaped = reg(DOORBELLS + (2 * id + 1) * stride);
	queue->depth = depth;
	queue->phase = 1;
	while (queue->idle_count < depth - 1) {
		queue->idle[queue->idle_count] = depth - 2 - queue->idle_count;
		queue->idle_count++;
	}
}

// Writes a command with at most a page of data; ring() sends it. Returns its id, -1 where the queue is full.
static int submit(struct queue *queue, uint32_t opcode, uint32_t namespace, uint64_t iova,
	uint32_t word10, uint32_t word11, uint32_t word12)
{
	// A command's id is free once it has ended, and with it an entry of the ring.
	if (queue->idle_count == 0)
		return -1;
	uint16_t id = queue->idle[--queue->idle_count];
	struct command *command = &queue->submissions[queue->tail];
	command->opcode_and_id = opcode | (uint32_t)id << 16;
	command->namespace = namespace;
	command->prp1 = iova;
	command->prp2 = 0;
	command->word10 = word10;
	command->word11 = word11;
	command->word12 = word12;
	queue->tail = queue->tail + 1 == queue->depth ? 0 : queue->tail + 1;
	return id;
}

static void ring(struct queue *queue)
{
	// The same value twice would be an error.
	if (queue->sent == queue->tail)
		return;
	queue->sent = queue->tail;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*queue->submitted = queue->tail;
}

static int reap(struct queue *queue, on_completion *on_completion)
{
	int count = 0;
	for (;; count++) {
		struct completion *entry = &queue->completions[queue->head];
		uint32_t last = __atomic_load_n(&entry->id_and_status, __ATOMIC_ACQUIRE);
		if ((last >> 16 & 1) != queue->phase)
			break;
		if (++queue->head == queue->depth) {
			queue->head = 0;
			queue->phase ^= 1;
		}
		queue->idle[queue->idle_count++] = last;
		on_completion(last & 0xffff, last >> 17);
	}
	if (count > 0)
		*queue->reaped = queue->head;
	return count;
}

static void check(uint32_t id, uint32_t status)
{
	if (status == 0)
		return;
	fprintf(stderr, "command %u ended with status 0x%x\n", id, status);
	exit(1);
}

static void admin(struct queue *queue, uint32_t opcode, uint32_t namespace, uint64_t iova, uint32_t word10, uint32_t word11)
{
	submit(queue, opcode, namespace, iova, word10, word11, 0);
	ring(queue);
	while (reap(queue, check) == 0)
		must((*reg(CSTS) & CSTS_FATAL) == 0, "the controller stopped");
}

static void disable(void)
{
	*reg(CC) &= ~CC_ENABLE;
	while (*reg(CSTS) & CSTS_READY)
		usleep(1000);
}

static void start(struct queue *queue)
{
	make_queue(queue, 0, ADMIN_ENTRIES);
	*reg(AQA) = (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1);
	write64(ASQ, queue->submissions_at);
	write64(ACQ, queue->completions_at);
	*reg(CC) = CC_ENTRY_SIZES | CC_ENABLE;
	while ((*reg(CSTS) & (CSTS_READY | CSTS_FATAL)) == 0)
		usleep(1000);
	must((*reg(CSTS) & CSTS_FATAL) == 0, "the controller did not become ready");
}

// The reads of a measurement: the place of each in the data, its begin, and those that have ended.
static double latencies[SAMPLES], begins[ENTRIES];
static uint16_t places[ENTRIES], idle[ENTRIES], ended[ENTRIES];
static uint32_t idle_count, ended_count;

static void read_ended(uint32_t id, uint32_t status)
{
	check(id, status);
	ended[ended_count++] = id;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void measure(struct queue *queue, uint64_t data, uint32_t depth, double seconds, uint64_t blocks, uint32_t count)
{
	uint64_t block = 0, done = 0;
	for (idle_count = 0; idle_count < depth; idle_count++)
		idle[idle_count] = idle_count;
	double begin = now(), end = begin + seconds * 1e6, time = begin;
	while (time < end) {
		ended_count = 0;
		for (int spins = 0; spins < SPINS && reap(queue, read_ended) == 0; spins++)
			;
		time = now();
		for (uint32_t i = 0; i < ended_count; i++) {
			if (done < SAMPLES)
				latencies[done] = time - begins[ended[i]];
			done++;
			idle[idle_count++] = places[ended[i]];
		}
		while (idle_count > 0) {
			uint16_t place = idle[idle_count - 1];
			int id = submit(queue, READ, 1, data + place * SIZE, block, block >> 32, count - 1);
			if (id < 0)
				break;
			idle_count--;
			places[id] = place;
			begins[id] = time;
			block = (block + 7919 * count) % (blocks - count);
		}
		ring(queue);
	}
	double elapsed = (time - begin) / 1e6, reads = done;
	ended_count = 0;
	for (uint32_t left = depth - idle_count; ended_count < left;)
		reap(queue, read_ended);
	uint64_t taken = reads < SAMPLES ? reads : SAMPLES;
	qsort(latencies, taken, sizeof *latencies, by_value);
	printf("%.1f %.2f %.2f\n", reads / elapsed, latencies[taken / 2], latencies[taken * 99 / 100]);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int group = open(argv[2], O_RDWR | O_CLOEXEC);
	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	must(container >= 0 && group >= 0, argv[2]);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0, "SET_CONTAINER");
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0, "SET_IOMMU");
	int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[1]);
	must(device >= 0, argv[1]);
	struct vfio_region_info bar = { .argsz = sizeof bar, .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = { .argsz = sizeof config, .index = VFIO_PCI_CONFIG_REGION_INDEX };
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) == 0, "GET_REGION_INFO");
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) == 0, "GET_REGION_INFO");
	// The pages of the MSI-X table may not be mapped on old kernels; the registers and doorbells are in the first two.
	registers = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	must(registers != MAP_FAILED, "mmap");

	disable();
	uint16_t pci_command;
	must(pread(device, &pci_command, 2, config.offset + 4) == 2, "command");
	pci_command |= 4; // Bus Master
	must(pwrite(device, &pci_command, 2, config.offset + 4) == 2, "command");
	static struct queue admin_queue, queue;
	start(&admin_queue);
	uint64_t page_at, data_at;
	uint8_t *page = allocate(PAGE, &page_at);
	allocate(ENTRIES * SIZE, &data_at);
	admin(&admin_queue, IDENTIFY, 1, page_at, 0, 0);
	uint64_t blocks;
	uint32_t format;
	memcpy(&blocks, page, sizeof blocks);
	memcpy(&format, page + 128 + 4 * (page[26] & 0xf), sizeof format);
	admin(&admin_queue, SET_FEATURES, 0, 0, 7, 0); // one queue of each kind
	make_queue(&queue, 1, ENTRIES);
	uint32_t size = (ENTRIES - 1) << 16 | 1;
	admin(&admin_queue, CREATE_CQ, 0, queue.completions_at, size, 1);
	admin(&admin_queue, CREATE_SQ, 0, queue.submissions_at, size, 1 | 1 << 16);
	for (int i = 4; i < argc; i++)
		measure(&queue, data_at, atoi(argv[i]), atof(argv[3]), blocks, SIZE >> (format >> 16 & 0xff));
	disable();
	return 0;
}
