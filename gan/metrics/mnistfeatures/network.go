package mnistfeatures

import "github.com/gander-ml/gander/nn"

// The sizes of the network's outputs.
const (
	Features = 96
	Classes  = 10
)

// Network describes the network, without weights, in two parts: body makes
// features [n, 96] of images [n, 1, 28, 28], and head makes the logits of the
// ten digits [n, 10] of these. It is for bench/classifier, which trains it;
// [Load] has one with weights.
func Network() (body, head nn.Module) {
	body = nn.Sequential(
		nn.Conv2D(1, 16, 3, nn.Padding(1)), nn.ReLU(), nn.MaxPool2D(2),
		nn.Conv2D(16, 32, 3, nn.Padding(1)), nn.ReLU(), nn.MaxPool2D(2),
		nn.Flatten(), nn.Linear(32*7*7, Features), nn.ReLU())
	head = nn.Sequential(nn.Dropout(0.3), nn.Linear(Features, Classes))
	return body, head
}
