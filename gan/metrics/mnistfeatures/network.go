package mnistfeatures

import "github.com/gander-ml/gander/nn"

// The sizes of the network's outputs.
const (
	Features = 96
	Classes  = 10
)

// Network returns the network, without weights, in two parts: body computes
// features [n, 96] from images [n, 1, 28, 28], and head the logits [n, 10] of the
// ten digits from these. It is for bench/classifier, which trains it; [Load]
// returns one with weights.
func Network() (body, head nn.Module) {
	body = nn.Sequential(
		nn.Conv2D(1, 16, 3, nn.Padding(1)), nn.ReLU(), nn.MaxPool2D(2),
		nn.Conv2D(16, 32, 3, nn.Padding(1)), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.Linear(32*7*7, Features), nn.ReLU())
	head = nn.Sequential(nn.Dropout(0.3), nn.Linear(Features, Classes))
	return body, head
}
