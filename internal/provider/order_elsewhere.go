package provider

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/delivery-as-code/terraform-provider-cd/internal/configuration"
	"github.com/delivery-as-code/terraform-provider-cd/internal/delivery"
)

// Terraform runs one process for each provider configuration, such as one for each actor. What the blocks of another one plan is not seen here, but
// it changes the same ledger, unless that has another address. The files say which blocks there are, and little of what they declare. So each of them
// that may close needs an order before what this plan delivers.

// closingTypes are the types of blocks that may close.
var closingTypes = []string{"cd_freeze", "cd_policy", "cd_pipeline", "cd_environment", "cd_approval", "cd_test_report"}

// elsewhere adds what blocks of other provider configurations may change to a plan: to the changes that have no order, and to the set. It returns the
// set with them.
func (s *session) elsewhere(d delivering, found *hinge, set delivery.ChangeSet) delivery.ChangeSet {
	if s.applying.Load() || !s.severalProviders() {
		return set // the plan judged it, or there is nothing to judge
	}
	files, err := s.configuration()
	if err != nil {
		return set // of what is not there, nothing can be said
	}
	for _, typ := range closingTypes {
		for _, block := range files.Elsewhere(d.resource, typ) {
			ledger := files.ProviderSetting(block, "ledger")
			order := files.OrderOf(d.resource, block)
			if order.Fixed || !s.mayBeLedger(ledger) {
				continue
			}
			closing, ok := elsewhereClosing(block, d)
			if !ok || d.settled[closing.Key()] {
				continue
			}
			found.closings = append(found.closings, closing)
			found.open = append(found.open, order.Open...)
			set.UnknownElsewhere = append(slices.Clip(set.UnknownElsewhere), closing)
		}
	}
	return set
}

// elsewhereClosing describes a block that may close the delivery. ok is false if what it states says that it does not.
func elsewhereClosing(block configuration.Block, d delivering) (delivery.Closing, bool) {
	stated := map[string]string{}
	for _, attribute := range []string{"name", "pipeline", "version", "decision"} {
		if value, ok := block.Literal(attribute); ok {
			stated[attribute] = value
		}
	}
	other := func(attribute, mine string) bool {
		return stated[attribute] != "" && mine != "" && stated[attribute] != mine
	}
	noun := strings.ReplaceAll(strings.TrimPrefix(block.Type, "cd_"), "_", " ")
	switch {
	case other("pipeline", d.pipeline), other("version", d.resource.Values["version"]), stated["decision"] == string(delivery.Approve):
		return delivery.Closing{}, false
	case block.Type == "cd_pipeline" && other("name", d.pipeline):
		return delivery.Closing{}, false
	}
	return delivery.ClosingElsewhere(noun, block.Address()), true
}

// mayBeLedger reports whether a provider configuration may use this ledger. Only two addresses that are both known can be told apart.
func (s *session) mayBeLedger(setting configuration.Setting) bool {
	if !setting.Known {
		return true
	}
	other := setting.Value
	if other == "" {
		other = s.host.Ledger
	}
	if other == "" {
		other = DefaultLedger
	}
	if isURL(other) || isURL(s.ledger) {
		return other == s.ledger || isURL(other) == isURL(s.ledger) // two URLs may lead to one database
	}
	return filepath.Clean(other) == filepath.Clean(s.ledger) || filepath.IsAbs(other) != filepath.IsAbs(s.ledger)
}

func isURL(ledger string) bool { return strings.Contains(ledger, "://") }

// noteElsewhere notes that environments or pipelines may exist once this plan is applied, though neither the ledger nor this process knows them:
// a block of another provider configuration may declare them. What depends on them is not known then.
func (s *session) noteElsewhere(ctx context.Context, by configuration.Object, typ string, names ...string) error {
	blocks := s.blocksElsewhere(by, typ)
	for _, name := range names {
		object := configuration.Object{Type: typ, Values: map[string]string{"name": name}}
		if !slices.ContainsFunc(blocks, func(b configuration.Block) bool { return b.MayDeclare(object) }) {
			continue
		}
		missing, note := s.missingEnvironment, s.changes.AddUnknownEnvironment
		if typ == "cd_pipeline" {
			missing, note = s.missingPipeline, s.changes.AddUnknownPipeline
		}
		switch absent, err := missing(ctx, name); {
		case err != nil:
			return err
		case absent:
			note(name)
		}
	}
	return nil
}

// blocksElsewhere lists the blocks of a type that other provider configurations over this ledger may have. Without files there are none.
func (s *session) blocksElsewhere(by configuration.Object, typ string) []configuration.Block {
	if s.applying.Load() || !s.severalProviders() {
		return nil
	}
	files, err := s.configuration()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(files.Elsewhere(by, typ), func(b configuration.Block) bool { return !s.mayBeLedger(files.ProviderSetting(b, "ledger")) })
}

func (s *session) missingEnvironment(ctx context.Context, name string) (bool, error) {
	if _, planned := s.changes.Environment(name); planned {
		return false, nil
	}
	_, err := s.Environment(ctx, name)
	if delivery.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

func (s *session) missingPipeline(ctx context.Context, name string) (bool, error) {
	if _, planned := s.changes.Pipeline(name); planned {
		return false, nil
	}
	recorded, err := s.recordedPipeline(ctx, name)
	return recorded == nil, err
}
